"""A training run from data to a version in the registry, and what a killed one goes on from."""
