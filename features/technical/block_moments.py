"""Mean and spread of the last closes without subtraction of what leaves: two blocks, each about a close of its own.

Bars are cut into blocks of `window`. A window is the current block so far, summed from its first close, and the end
of the block before it, summed from its last close back when it was full. A member of each part is then 0, which bounds
the cancellation of its squares by a factor of its length; parts are joined by the distance of their means.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from features.inputs import RING
from schema.ticks import Float64


def moments_state(n_series: int, window: int) -> Float64:
    """Return the state (window + 2, 2, series) before any close.

    Rows hold sums and sums of squares from a slot to its block's end; then those of the current block; then its first
    close and the last close of the block before.
    """
    return np.zeros((window + 2, 2, n_series))


@njit(cache=True, inline="always")
def moments(sums: Float64, ring: Float64, i: int, n: int, close: float) -> tuple[float, float]:
    """Take the n-th close, return mean - close and the sum of squares about the mean; both right from n = window on."""
    window = len(sums) - 2
    slot = (n - 1) % window
    if slot == 0:
        sums[window, 0, i] = sums[window, 1, i] = 0.0
        sums[window + 1, 0, i] = close
    first = sums[window + 1, 0, i]
    above = close - first
    total, squares = sums[window, 0, i] + above, sums[window, 1, i] + above * above
    sums[window, 0, i], sums[window, 1, i] = total, squares
    count, rest = slot + 1.0, window - 1.0 - slot
    if slot < window - 1:
        last, earlier, earlier_squares = sums[window + 1, 1, i], sums[slot + 1, 0, i], sums[slot + 1, 1, i]
        mean, earlier_mean = total / count, earlier / rest
        apart = (first - last) + (mean - earlier_mean)
        within = (squares - total * mean) + (earlier_squares - earlier * earlier_mean)
        offset = (total + earlier + rest * (last - first)) / window
        return (first - close) + offset, max(within + apart * apart * (count * rest / window), 0.0)
    mean = total / window
    spread = max(squares - total * mean, 0.0)
    earlier = earlier_squares = 0.0
    for lag in range(window - 1):
        below = ring[(n - 1 - lag) & (RING - 1), i] - close
        earlier += below
        earlier_squares += below * below
        sums[slot - lag, 0, i], sums[slot - lag, 1, i] = earlier, earlier_squares
    sums[window + 1, 1, i] = close
    return (first - close) + mean, spread
