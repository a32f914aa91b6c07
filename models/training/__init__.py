"""Members fitted fold by fold, as they are served."""
