"""A symbol beside the others of its bar time: market, ranks, dispersion, beta."""
