"""Sums of products of returns that stand apart in time, over a sliding window of 60."""

from __future__ import annotations

import numpy as np
from numba import njit

from features.inputs import past
from features.statistical.sums import add, clear
from schema.ticks import Float64

WINDOW, FARTHEST = 60, 10
LAGS, SQUARED_LAGS = (1, 2, 3, 4, 5, 10), (1, 2, 5)
HOLDING = (2, 5, 10)  # returns that are added up
# x, x², x³, x⁴, x * x before at each of LAGS, x² * x² before at SQUARED_LAGS, x² * x before, squared sums of 5 and 10
TERMS = 16
SUMS_OF = 14  # where the squared sums stand


@njit(cache=True, inline="always")
def entering(y: Float64, terms: Float64) -> None:
    """Write the terms of a return y[0], with those 1 .. 10 before it."""
    x, five = y[0], 0.0
    square = x * x
    terms[0], terms[1], terms[2], terms[3] = x, square, square * x, square * square
    terms[4], terms[5], terms[6], terms[7] = x * y[1], x * y[2], x * y[3], x * y[4]
    terms[8], terms[9] = x * y[5], x * y[10]
    terms[10], terms[11], terms[12] = square * (y[1] * y[1]), square * (y[2] * y[2]), square * (y[5] * y[5])
    terms[13] = square * y[1]
    for lag in range(5):
        five += y[lag]
    ten = five
    for lag in range(5, 10):
        ten += y[lag]
    terms[14], terms[15] = five * five, ten * ten


@njit(cache=True, inline="always")
def leaving(old: Float64, terms: Float64) -> None:
    """Write the terms that leave: old[0] is the return that left the window, old[1 ..] those after it."""
    x, five, ten = old[0], 0.0, 0.0
    square = x * x
    terms[0], terms[1], terms[2], terms[3] = x, square, square * x, square * square
    terms[4], terms[5], terms[6], terms[7] = x * old[1], x * old[2], x * old[3], x * old[4]
    terms[8], terms[9] = x * old[5], x * old[10]
    terms[10], terms[11] = (old[1] * old[1]) * square, (old[2] * old[2]) * square
    terms[12], terms[13] = (old[5] * old[5]) * square, (old[1] * old[1]) * x
    for lag in range(4, -1, -1):
        five += old[lag]
    for lag in range(9, -1, -1):
        ten += old[lag]
    terms[14], terms[15] = five * five, ten * ten


@njit(cache=True, error_model="numpy")
def build(sums: Float64, rests: Float64, i: int, n: int, returns: Float64, terms: Float64) -> None:
    """Add series i's sums up anew; products and sums lie in the window whole."""
    clear(sums, rests, i, 0, TERMS)
    before = np.zeros(FARTHEST + 1)
    for lag in range(WINDOW - 1, -1, -1):
        for j in range(FARTHEST, 0, -1):
            before[j] = before[j - 1]
        before[0] = past(returns, i, n, lag)
        entering(before, terms)
        for j in range(2):
            if lag > WINDOW - HOLDING[1 + j]:
                terms[SUMS_OF + j] = 0.0
        add(sums, rests, i, 0, TERMS, terms)
