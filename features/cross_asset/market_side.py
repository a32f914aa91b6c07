"""What all rows of a bar time share of a window of the market or a leader: mean and squared deviations, summed anew
at each market time. One loop a window and bar time, however many rows there are."""

from __future__ import annotations

import math

from numba import njit

from features.cross_asset.pair_sums import LONG, MIDDLE, SHORT, at
from features.ties import TIE
from schema.ticks import Float64

FLAT = 1e-20  # squared deviations beside squares below which returns are equal but for rounding
# Windows: the market's 20, 60, 120, its 60 from 1 before, each leader's 60, its 60 from 1 before, its 20, and the
# market's falls of 60.
LAGGED, OF_LEADER, LEADER_LAGGED, LEADER_SHORT, FALLS, SIDES = 3, 4, 6, 8, 10, 11


@njit(cache=True)
def window_side(ring: Float64, t: int, window: int, bound: float, sides: Float64, c: int) -> None:
    """Write sum, mean, and 1 over squared deviations and their root of what lies below `bound` in the window up to t.

    The last two are 0 where the window is flat.
    """
    total = squares = 0.0
    n, moved = 0, False
    for j in range(window):
        value = at(ring, t - j)
        if value < bound:
            total += value
            n += 1
    mean, flattened = total / max(n, 1), 0.0
    for j in range(window):
        value = at(ring, t - j)
        if value < bound:
            squares += (value - mean) * (value - mean)
            flattened += value * value
            moved |= abs(value) > TIE
    sides[c, 0], sides[c, 1] = total, mean
    sides[c, 2] = 1.0 / squares if moved and squares > FLAT * flattened else 0.0
    sides[c, 3] = math.sqrt(sides[c, 2])


@njit(cache=True)
def write_sides(market: Float64, leaders: Float64, t: int, sides: Float64) -> None:
    """Fill `sides` (SIDES, 4)."""
    window_side(market, t, SHORT, 1e300, sides, 0)
    window_side(market, t, MIDDLE, 1e300, sides, 1)
    window_side(market, t, LONG, 1e300, sides, 2)
    window_side(market, t - 1, MIDDLE, 1e300, sides, LAGGED)
    for c in range(leaders.shape[1]):
        window_side(leaders[:, c], t, MIDDLE, 1e300, sides, OF_LEADER + c)
        window_side(leaders[:, c], t - 1, MIDDLE, 1e300, sides, LEADER_LAGGED + c)
        window_side(leaders[:, c], t, SHORT, 1e300, sides, LEADER_SHORT + c)
    window_side(market, t, MIDDLE, -TIE, sides, FALLS)
