"""Sums of true ranges, buying pressures and Vortex's moves over the last bars; part of `swings`.

Every bar's moves are kept, so that what leaves has the very bits that came; the sums are made anew once a lap.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from features.technical.natr import true_range
from features.technical.swing_rows import LONG
from schema.ticks import Float64

KEPT = 32  # bars whose moves are kept: a power of two above LONG
WINDOWS = np.array((LONG // 4, LONG // 2, LONG))
RANGE, PRESSURE, UP, DOWN, SUMS = 0, 3, 6, 7, 8  # where sums of WINDOWS stand; Vortex's are over the middle one


@njit(cache=True, inline="always")
def _noted(
    kept: Float64, i: int, slot: int, high: float, low: float, close: float, high_1: float, low_1: float, close_1: float
) -> None:
    """Keep a bar's true range, buying pressure and Vortex's two moves; `_1` is of the bar before."""
    kept[slot, i, 0], kept[slot, i, 1] = true_range(high, low, close_1), close - min(low, close_1)
    kept[slot, i, 2], kept[slot, i, 3] = abs(high - low_1), abs(high_1 - low)


@njit(cache=True, error_model="numpy")
def _summed(sums: Float64, kept: Float64, i: int, n: int) -> None:
    """Sum the moves anew."""
    for j in range(SUMS):
        sums[i, j] = 0.0
    for lag in range(LONG):
        slot = (n - lag) & (KEPT - 1)
        for j in range(3):
            if lag < WINDOWS[j]:
                sums[i, RANGE + j] += kept[slot, i, 0]
                sums[i, PRESSURE + j] += kept[slot, i, 1]
        if lag < WINDOWS[1]:
            sums[i, UP] += kept[slot, i, 2]
            sums[i, DOWN] += kept[slot, i, 3]


@njit(cache=True, inline="always")
def moved(
    sums: Float64, kept: Float64, i: int, n: int, high: float, low: float, close: float, high_1: float, low_1: float,
    close_1: float,
) -> None:  # fmt: skip
    """Take the n-th bar, not the first, into the sums."""
    slot = n & (KEPT - 1)
    _noted(kept, i, slot, high, low, close, high_1, low_1, close_1)
    if n % LONG == 0 and n > LONG:
        _summed(sums, kept, i, n)
        return
    now, pressure = kept[slot, i, 0], kept[slot, i, 1]
    for j in range(3):
        sums[i, RANGE + j] += now
        sums[i, PRESSURE + j] += pressure
        if n - 1 > WINDOWS[j]:
            gone = (n - WINDOWS[j]) & (KEPT - 1)
            sums[i, RANGE + j] -= kept[gone, i, 0]
            sums[i, PRESSURE + j] -= kept[gone, i, 1]
    sums[i, UP] += kept[slot, i, 2]
    sums[i, DOWN] += kept[slot, i, 3]
    if n - 1 > WINDOWS[1]:
        gone = (n - WINDOWS[1]) & (KEPT - 1)
        sums[i, UP] -= kept[gone, i, 2]
        sums[i, DOWN] -= kept[gone, i, 3]
