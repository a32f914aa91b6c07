"""Versions of models on disk, which of them is wanted where, and one in memory."""
