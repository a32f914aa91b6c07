"""Predictions as they come: one feed a process, a hub that hands the newest value on, one connection a client."""
