"""Feature history on disk: `build` makes it, `store` reads it, the rest is what they are made of."""
