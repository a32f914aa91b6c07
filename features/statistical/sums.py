"""Sums over a sliding window that keep what is small beside what left the window.

A running sum of fourth powers would drown in the rounding of one jump that has left it. Here each addition's rounding
is kept (Knuth's TwoSum), and a term is taken out with the very bits it was put in, so that a sum is as exact as its
terms. It is still built anew once a lap of the shared rings.
"""

from __future__ import annotations

from numba import njit

from features.inputs import RING
from schema.ticks import Float64


@njit(cache=True, inline="always")
def due(n: int, window: int) -> bool:
    """Say whether sums over `window` returns are to be built anew at a series' n-th bar."""
    return n == window + 1 or (n & (RING - 1) == 0 and n > window)


@njit(cache=True, inline="always")
def slide(sums: Float64, rests: Float64, i: int, entering: Float64, leaving: Float64) -> None:
    """Add the terms that enter series i's sums and take out those that leave; a sum is sums + rests."""
    for j in range(len(entering)):
        before, x, y = sums[i, j], entering[j], -leaving[j]
        added = before + x
        virtual = added - before
        lost = (before - (added - virtual)) + (x - virtual)
        after = added + y
        virtual = after - added
        sums[i, j] = after
        rests[i, j] += lost + ((added - (after - virtual)) + (y - virtual))


@njit(cache=True, error_model="numpy")
def clear(sums: Float64, rests: Float64, i: int, first: int, last: int) -> None:
    """Empty the sums `first .. last - 1` of series i."""
    for j in range(first, last):
        sums[i, j] = rests[i, j] = 0.0


@njit(cache=True, error_model="numpy")
def add(sums: Float64, rests: Float64, i: int, first: int, last: int, terms: Float64) -> None:
    """Add terms `first .. last - 1` to series i's sums."""
    for j in range(first, last):
        before, x = sums[i, j], terms[j]
        added = before + x
        virtual = added - before
        sums[i, j] = added
        rests[i, j] += (before - (added - virtual)) + (x - virtual)


@njit(cache=True, inline="always")
def drowned(left: float, stays: float) -> bool:
    """Say whether what left a sum of squares was so much larger than what stays that the sum is to be built anew."""
    return left > 1024.0 * stays
