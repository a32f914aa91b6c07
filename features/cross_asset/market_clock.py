"""The clock of the market: a bar time at which at least two rows have a return is a market time.

Windows run over market times. A series that misses one begins anew: with a hole in it no window would say what its
name says.
"""

from __future__ import annotations

from numba import njit

from schema.ticks import Float64, Int64


@njit(cache=True, inline="always")
def tick(times: Int64, market: Float64, timeframe: int, mean: float) -> int:
    """Begin the next market time of a timeframe and return its number, from 1 on; keep its mean in the ring."""
    times[timeframe] += 1
    t: int = times[timeframe]
    market[timeframe, t & (market.shape[1] - 1)] = mean
    return t


@njit(cache=True, inline="always")
def streak_of(seen: Int64, streak: Int64, i: int, t: int) -> int:
    """Count market time t for series i; 1 where it missed the one before and must forget what it knew."""
    streak[i] = streak[i] + 1 if seen[i] == t - 1 else 1
    seen[i] = t
    n: int = streak[i]
    return n
