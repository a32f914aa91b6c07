"""Sums over the last bars' log returns that several regime kernels slide along."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from features.inputs import RING
from features.ties import TIE
from schema.ticks import Float64, UInt8

MASK: Final = RING - 1


@njit(cache=True, inline="always")
def square_of(change: float) -> float:
    """Return the square of a log return, 0 where it is none."""
    square = change * change
    return square if square > TIE * TIE else 0.0


@njit(cache=True, inline="always")
def leave_undefined(out: Float64, why: UInt8, k: int, columns: int, reason: int) -> None:
    """Write NaN to the first columns of row k; three times as fast as to slices of it."""
    for c in range(columns):
        out[k, c], why[k, c] = np.nan, reason


@njit(cache=True)
def squares_since(returns: Float64, i: int, n: int, window: int) -> float:
    """Return the sum of the last `window` squared log returns up to the n-th bar."""
    total = 0.0
    for lag in range(window):
        total += square_of(returns[(n - 1 - lag) & MASK, i])
    return total


@njit(cache=True)
def total_since(returns: Float64, i: int, n: int, window: int) -> float:
    """Return the sum of the last `window` log returns up to the n-th bar."""
    total = 0.0
    for lag in range(window):
        total += returns[(n - 1 - lag) & MASK, i]
    return total
