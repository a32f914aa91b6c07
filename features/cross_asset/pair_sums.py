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
# Sums of own returns, their squares, and how many of them are moves: windows 20, 60, 120, and 60 from 1, 2, 5 before.
X, XX, MOVES = 0, 6, 12
# Sums of products: with the market over 20, 60, 120; with the market 1, 2, 5 before; of the market with own 1, 2, 5
# before; with each leader; with each leader 1 before; own and product where the market falls.
XM, LEAD, LAG, LEADER, LEADER_LEAD, FALLING, FALLING_XM = 18, 21, 24, 27, 29, 31, 32
# Own over market: its level, that of 60 before, sums of 60 levels and of their squares, and how many moves.
LEVEL, OLD_LEVEL, LEVELS, LEVEL_SQUARES, LEVEL_MOVES, SUMS = 33, 34, 35, 36, 37, 38


@njit(cache=True, inline="always")
def at(ring: Float64, t: int) -> float:
    """Return what a ring keeps of market time t."""
    value: float = ring[t & (RING - 1)]
    return value


@njit(cache=True, inline="always")
def moves(value: float) -> float:
    return 1.0 if abs(value) > TIE else 0.0


@njit(cache=True, inline="always")
def _swap(sums: Float64, c: int, new: float, old: float) -> None:
    """Let a return into the sums of window c and an old one out."""
    sums[X + c] += new - old
    sums[XX + c] += new * new - old * old
    sums[MOVES + c] += moves(new) - moves(old)


@njit(cache=True)
def slide(sums: Float64, own: Float64, market: Float64, leaders: Float64, t: int, n: int) -> None:
    """Move all sums on to market time t, the series' n-th in a row; its returns are in the rings."""
    x, m, old, old_m = at(own, t), at(market, t), at(own, t - MIDDLE), at(market, t - MIDDLE)
    short, long = at(own, t - SHORT), at(own, t - LONG)
    _swap(sums, 0, x, short)
    _swap(sums, 1, x, old)
    _swap(sums, 2, x, long)
    sums[XM] += x * m - short * at(market, t - SHORT)
    sums[XM + 1] += x * m - old * old_m
    sums[XM + 2] += x * m - long * at(market, t - LONG)
    for c, lag in enumerate((1, 2, 5)):
        before, gone = at(own, t - lag), at(own, t - MIDDLE - lag)
        _swap(sums, 3 + c, before, gone)
        sums[LEAD + c] += x * at(market, t - lag) - old * at(market, t - MIDDLE - lag)
        sums[LAG + c] += m * before - old_m * gone
    for c in range(len(leaders)):
        sums[LEADER + c] += x * at(leaders[c], t) - old * at(leaders[c], t - MIDDLE)
        sums[LEADER_LEAD + c] += x * at(leaders[c], t - 1) - old * at(leaders[c], t - MIDDLE - 1)
    falls, fell = 1.0 if m < -TIE else 0.0, 1.0 if old_m < -TIE else 0.0
    sums[FALLING] += falls * x - fell * old
    sums[FALLING_XM] += falls * x * m - fell * old * old_m
    sums[LEVEL] += x - m
    sums[OLD_LEVEL] += old - old_m if n > MIDDLE else 0.0
    sums[LEVELS] += sums[LEVEL] - sums[OLD_LEVEL]
    sums[LEVEL_SQUARES] += sums[LEVEL] * sums[LEVEL] - sums[OLD_LEVEL] * sums[OLD_LEVEL]
    if n >= MIDDLE:
        sums[LEVEL_MOVES] -= moves(at(own, t - MIDDLE + 1) - at(market, t - MIDDLE + 1))
    sums[LEVEL_MOVES] += moves(x - m)


@njit(cache=True)
def rebuild(sums: Float64, own: Float64, market: Float64, leaders: Float64, t: int) -> None:
    """Sum anew over full windows up to market time t; the level begins again at 0."""
    sums[:] = 0.0
    level = 0.0
    for j in range(LONG):
        x, m = at(own, t - j), at(market, t - j)
        _swap(sums, 2, x, 0.0)
        sums[XM + 2] += x * m
        if j < SHORT:
            _swap(sums, 0, x, 0.0)
            sums[XM] += x * m
        if j < MIDDLE:
            _swap(sums, 1, x, 0.0)
            sums[XM + 1] += x * m
            for c, lag in enumerate((1, 2, 5)):
                _swap(sums, 3 + c, at(own, t - j - lag), 0.0)
                sums[LEAD + c] += x * at(market, t - j - lag)
                sums[LAG + c] += m * at(own, t - j - lag)
            for c in range(len(leaders)):
                sums[LEADER + c] += x * at(leaders[c], t - j)
                sums[LEADER_LEAD + c] += x * at(leaders[c], t - j - 1)
            falls = 1.0 if m < -TIE else 0.0
            sums[FALLING] += falls * x
            sums[FALLING_XM] += falls * x * m
            sums[LEVELS] += level
            sums[LEVEL_SQUARES] += level * level
            sums[LEVEL_MOVES] += moves(x - m) if j < MIDDLE - 1 else 0.0
            level -= x - m
    sums[OLD_LEVEL] = level
