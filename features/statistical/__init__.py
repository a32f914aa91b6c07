"""The distribution of returns over bars: volatility, moments, dependence, extremes, straight lines."""
