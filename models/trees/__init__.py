"""Gradient-boosted trees, whichever library grew them."""
