"""Power of log returns by frequency."""
