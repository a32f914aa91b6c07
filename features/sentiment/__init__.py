"""What scored news and social items say of a symbol, and what prices say of fear."""
