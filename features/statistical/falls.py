"""The deepest fall of the last closes; part of `extremes`.

A lap's end notes of each of its bars the highest close from it on and the deepest fall after it; what comes joins that
with the lap's own highest, lowest and deepest.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from features.inputs import past
from schema.ticks import Float64

LAP = 60


@njit(cache=True, error_model="numpy")
def close_lap(highs: Float64, falls: Float64, since: Float64, i: int, n: int, closes: Float64) -> None:
    """Note of every bar of the lap the highest close from it on, and the deepest fall."""
    low = high = past(closes, i, n, 0)
    fall = 0.0
    for lag in range(LAP):
        close = past(closes, i, n, lag)
        low, high = min(low, close), max(high, close)
        fall = max(fall, (close - low) / close)
        highs[lag, i], falls[lag, i] = high, fall
    since[i, 0], since[i, 1], since[i, 2] = 0.0, np.inf, 0.0


@njit(cache=True, inline="always")
def deepest_fall(highs: Float64, falls: Float64, since: Float64, i: int, n: int, close: float) -> float:
    """Return the deepest fall of the last LAP closes, after the first lap."""
    after = n % LAP
    if after == 0:
        return float(falls[LAP - 1, i])
    high, low = max(since[i, 0], close), min(since[i, 1], close)
    fall = max(since[i, 2], (high - close) / high)
    since[i, 0], since[i, 1], since[i, 2] = high, low, fall
    before = highs[LAP - 1 - after, i]
    return float(max(max(fall, falls[LAP - 1 - after, i]), (before - low) / before))
