"""Indicators over bars: averages, oscillators, bands, volume. TA-Lib is the canon for seeds and warm-up."""
