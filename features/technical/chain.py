"""Exponential averages in a row, each of the one before, kept as how far each input is from its average.

With every move of the input, apart = (1 - alpha) * (apart + move), and alpha * (apart + move) is the move of the
average: the next stage's input. No level is kept, so that moves of 0.01 at 60,000 keep their digits. A stage is
seeded with the mean of its first n inputs, as TA-Lib; until then it keeps the sum of (this input - each so far).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from features.decay import standing
from features.inputs import past
from schema.ticks import Float64, Int64, UInt8


@njit(cache=True, error_model="numpy")
def mean_deviation(closes: Float64, i: int, n: int, window: int) -> float:
    """Return the n-th close minus the mean of the last `window` closes."""
    total, close = 0.0, past(closes, i, n, 0)
    for lag in range(1, window):
        total += close - past(closes, i, n, lag)
    return total / window


@njit(cache=True, inline="always")
def stand(n: int, ready: Int64, converged: Int64, last: int, k: int, out: Float64, why: UInt8) -> None:
    """Write why each value of row k stands or not, NaN where it is not ready; all have converged at `last`."""
    for j in range(len(ready)):
        why[k, j] = 0
    if n < last:
        for j in range(len(ready)):
            why[k, j] = standing(n, ready[j], converged[j])
            out[k, j] = out[k, j] if n >= ready[j] else np.nan
