"""Sliding sums of a series' own returns for its place in the basket; summed anew every lap of the ring."""

from __future__ import annotations

from typing import Final

from numba import njit

from features.cross_asset.pair_sums import moves
from schema.ticks import Float64

RING: Final = 64  # market times kept, and the window of the factor
WEEK, MONTH, QUARTER = 5, 20, 60
X5, X20, X60, X64, XX20, XX64, MOVES20, MOVES64, WEIGHTED, SUMS = range(10)


@njit(cache=True, inline="always")
def slide(sums: Float64, own: Float64, t: int, x: float) -> None:
    """Take return x of market time t into the ring and all sums."""
    gone, short, middle = own[t & (RING - 1)], own[(t - WEEK) & (RING - 1)], own[(t - MONTH) & (RING - 1)]
    sums[WEIGHTED] += MONTH * x - sums[X20]
    sums[X5] += x - short
    sums[X20] += x - middle
    sums[X60] += x - own[(t - QUARTER) & (RING - 1)]
    sums[X64] += x - gone
    sums[XX20] += x * x - middle * middle
    sums[XX64] += x * x - gone * gone
    sums[MOVES20] += moves(x) - moves(middle)
    sums[MOVES64] += moves(x) - moves(gone)
    own[t & (RING - 1)] = x


@njit(cache=True)
def rebuild(sums: Float64, own: Float64, t: int) -> None:
    """Sum anew over the ring, whose newest return is that of market time t."""
    sums[:] = 0.0
    for j in range(RING):
        x = own[(t - j) & (RING - 1)]
        sums[X5] += x if j < WEEK else 0.0
        if j < MONTH:
            sums[X20] += x
            sums[XX20] += x * x
            sums[MOVES20] += moves(x)
            sums[WEIGHTED] += (MONTH - j) * x
        sums[X60] += x if j < QUARTER else 0.0
        sums[X64] += x
        sums[XX64] += x * x
        sums[MOVES64] += moves(x)
