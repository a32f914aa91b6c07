"""Sliding sums of a series' own returns for its place in the basket; summed anew every lap of the ring."""

from __future__ import annotations

from typing import Final

from numba import njit

from features.cross_asset.pair_sums import moves
from schema.ticks import Float64

RING: Final = 64  # market times kept, and the window of the factor
WEEK, MONTH, QUARTER = 5, 20, 60
X20, X64, XX20, XX64, MOVES20, MOVES64, WEIGHTED, SUMS = range(8)


@njit(cache=True, inline="always")
def slide(sums: Float64, own: Float64, i: int, t: int, x: float) -> None:
    """Take return x of market time t into the ring and all sums."""
    gone, middle = own[i, t & (RING - 1)], own[i, (t - MONTH) & (RING - 1)]
    sums[i, WEIGHTED] += MONTH * x - sums[i, X20]
    sums[i, X20] += x - middle
    sums[i, X64] += x - gone
    sums[i, XX20] += x * x - middle * middle
    sums[i, XX64] += x * x - gone * gone
    sums[i, MOVES20] += moves(x) - moves(middle)
    sums[i, MOVES64] += moves(x) - moves(gone)
    own[i, t & (RING - 1)] = x


@njit(cache=True)
def rebuild(sums: Float64, own: Float64, i: int, t: int) -> None:
    """Sum anew over the ring, whose newest return is that of market time t."""
    sums[i, :] = 0.0
    for j in range(RING):
        x = own[i, (t - j) & (RING - 1)]
        if j < MONTH:
            sums[i, X20] += x
            sums[i, XX20] += x * x
            sums[i, MOVES20] += moves(x)
            sums[i, WEIGHTED] += (MONTH - j) * x
        sums[i, X64] += x
        sums[i, XX64] += x * x
        sums[i, MOVES64] += moves(x)
