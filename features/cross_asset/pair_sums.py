"""Sliding sums of a series' returns and of their products with the market's and the leaders' returns.

`own` is a ring of the series' returns and `market`, `leaders` rings of its timeframe's, all by market time. Each sum
gains the newest term and loses the oldest; every LAP market times it is summed anew, so that what it forgot by
rounding never is older than that.
"""

from __future__ import annotations

from typing import Final

from numba import njit

from features.ties import TIE
from schema.ticks import Float64

RING: Final = 128  # market times kept: window 120 and lags; a power of two
LAP: Final = RING
SHORT, MIDDLE, LONG = 20, 60, 120
# Sums of own returns, their squares, and how many of them are moves: windows 20, 60, 120, and 60 from 1 before.
X, XX, MOVES = 0, 4, 8
# Sums of products: with the market over 20, 60, 120; with the market 1 before; of the market with own 1 before; with
# each leader; with each leader 1 before; own and product where the market falls.
XM, LEAD, LAG, LEADER, LEADER_LEAD, FALLING, FALLING_XM = 12, 15, 16, 17, 19, 21, 22
# Own over market: its level, that of 60 before, sums of 60 levels and of their squares, and how many moves.
LEVEL, OLD_LEVEL, LEVELS, LEVEL_SQUARES, LEVEL_MOVES, SUMS = 23, 24, 25, 26, 27, 28


@njit(cache=True, inline="always")
def at(ring: Float64, t: int) -> float:
    """Return what a ring keeps of market time t."""
    value: float = ring[t & (RING - 1)]
    return value


@njit(cache=True, inline="always")
def of(rings: Float64, i: int, t: int) -> float:
    """Return what series i's, or a leader's, ring keeps of market time t."""
    value: float = rings[t & (RING - 1), i]
    return value


@njit(cache=True, inline="always")
def moves(value: float) -> float:
    return 1.0 if abs(value) > TIE else 0.0


@njit(cache=True, inline="always")
def _swap(sums: Float64, i: int, c: int, new: float, old: float) -> None:
    """Let a return into the sums of window c and an old one out."""
    sums[i, X + c] += new - old
    sums[i, XX + c] += new * new - old * old
    sums[i, MOVES + c] += moves(new) - moves(old)


@njit(cache=True, inline="always")
def slide(sums: Float64, own: Float64, i: int, market: Float64, leaders: Float64, t: int, n: int) -> None:
    """Move all sums on to market time t, the series' n-th in a row; its returns are in the rings."""
    x, m, old, old_m = of(own, i, t), at(market, t), of(own, i, t - MIDDLE), at(market, t - MIDDLE)
    short, long = of(own, i, t - SHORT), of(own, i, t - LONG)
    _swap(sums, i, 0, x, short)
    _swap(sums, i, 1, x, old)
    _swap(sums, i, 2, x, long)
    sums[i, XM] += x * m - short * at(market, t - SHORT)
    sums[i, XM + 1] += x * m - old * old_m
    sums[i, XM + 2] += x * m - long * at(market, t - LONG)
    before, gone = of(own, i, t - 1), of(own, i, t - MIDDLE - 1)
    _swap(sums, i, 3, before, gone)
    sums[i, LEAD] += x * at(market, t - 1) - old * at(market, t - MIDDLE - 1)
    sums[i, LAG] += m * before - old_m * gone
    for c in range(leaders.shape[1]):
        sums[i, LEADER + c] += x * of(leaders, c, t) - old * of(leaders, c, t - MIDDLE)
        sums[i, LEADER_LEAD + c] += x * of(leaders, c, t - 1) - old * of(leaders, c, t - MIDDLE - 1)
    falls, fell = 1.0 if m < -TIE else 0.0, 1.0 if old_m < -TIE else 0.0
    sums[i, FALLING] += falls * x - fell * old
    sums[i, FALLING_XM] += falls * x * m - fell * old * old_m
    sums[i, LEVEL] += x - m
    sums[i, OLD_LEVEL] += old - old_m if n > MIDDLE else 0.0
    sums[i, LEVELS] += sums[i, LEVEL] - sums[i, OLD_LEVEL]
    sums[i, LEVEL_SQUARES] += sums[i, LEVEL] * sums[i, LEVEL] - sums[i, OLD_LEVEL] * sums[i, OLD_LEVEL]
    if n >= MIDDLE:
        sums[i, LEVEL_MOVES] -= moves(of(own, i, t - MIDDLE + 1) - at(market, t - MIDDLE + 1))
    sums[i, LEVEL_MOVES] += moves(x - m)


@njit(cache=True)
def rebuild(sums: Float64, own: Float64, i: int, market: Float64, leaders: Float64, t: int) -> None:
    """Sum anew over full windows up to market time t; the level begins again at 0."""
    sums[i, :] = 0.0
    level = 0.0
    for j in range(LONG):
        x, m = of(own, i, t - j), at(market, t - j)
        _swap(sums, i, 2, x, 0.0)
        sums[i, XM + 2] += x * m
        if j < SHORT:
            _swap(sums, i, 0, x, 0.0)
            sums[i, XM] += x * m
        if j < MIDDLE:
            _swap(sums, i, 1, x, 0.0)
            sums[i, XM + 1] += x * m
            _swap(sums, i, 3, of(own, i, t - j - 1), 0.0)
            sums[i, LEAD] += x * at(market, t - j - 1)
            sums[i, LAG] += m * of(own, i, t - j - 1)
            for c in range(leaders.shape[1]):
                sums[i, LEADER + c] += x * of(leaders, c, t - j)
                sums[i, LEADER_LEAD + c] += x * of(leaders, c, t - j - 1)
            falls = 1.0 if m < -TIE else 0.0
            sums[i, FALLING] += falls * x
            sums[i, FALLING_XM] += falls * x * m
            sums[i, LEVELS] += level
            sums[i, LEVEL_SQUARES] += level * level
            sums[i, LEVEL_MOVES] += moves(x - m) if j < MIDDLE - 1 else 0.0
            level -= x - m
    sums[i, OLD_LEVEL] = level
