"""Write one row of `market_model` from a series' sums and what all rows share of the market and the leaders."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features.cross_asset.market_columns import OF_A_LEADER, OF_MARKET
from features.cross_asset.market_side import FALLS, LAGGED, LEADER_LAGGED, LEADER_SHORT, OF_LEADER
from features.cross_asset.pair_sums import (
    FALLING,
    FALLING_XM,
    LAG,
    LAP,
    LEAD,
    LEADER,
    LEADER_LEAD,
    LEVEL,
    LEVEL_MOVES,
    LEVEL_SQUARES,
    LEVELS,
    LONG,
    MIDDLE,
    MOVES,
    RING,
    SHORT,
    XM,
    XX,
    X,
    rebuild,
    slide,
)
from features.cross_asset.ranks import EDGE
from features.decay import WARMING_UP
from features.inputs import LEADERS
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

NO_FEED = int(Why.NO_FEED)


@njit(cache=True, inline="always")
def put(out: Float64, why: UInt8, k: int, c: int, reason: int, value: float) -> None:
    out[k, c], why[k, c] = np.nan if reason else value, reason


@njit(cache=True, inline="always")
def spread_of(sums: Float64, i: int, c: int, window: int) -> float:
    """Return the squared deviations of own window c, 0 where it did not move."""
    apart = sums[i, XX + c] - sums[i, X + c] * sums[i, X + c] / window
    return apart if sums[i, MOVES + c] > 0.0 and apart > 0.0 else 0.0


@njit(cache=True, inline="always")
def inverse(spread: float) -> float:
    """Return 1 over the root, 0 of 0."""
    return 1.0 / math.sqrt(spread) if spread > 0.0 else 0.0


@njit(cache=True, inline="always")
def correlate(out: Float64, why: UInt8, k: int, c: int, early: bool, products: float, own: float, other: float) -> None:
    """Write a correlation from the sum of products of deviations and the inverse lengths of both, 0 where flat."""
    reason = WARMING_UP if early else (EDGE if own == 0.0 or other == 0.0 else 0)
    put(out, why, k, c, reason, min(max(products * own * other, -1.0), 1.0))


@njit(cache=True, inline="always")
def write_market(
    sums: Float64, i: int, sides: Float64, n: int, x: float, m: float, own: float, out: Float64, why: UInt8, k: int
) -> None:
    """Write the columns against the market of a series in its n-th market time in a row.

    `own` is the inverse length of its deviations over MIDDLE.
    """
    for w, window in enumerate((SHORT, MIDDLE, LONG)):
        c, other, early = 3 * w, sides[w, 2], n < window
        products, spread = sums[i, XM + w] - sides[w, 1] * sums[i, X + w], spread_of(sums, i, w, window)
        beta = products * other
        reason = WARMING_UP if early else (EDGE if other == 0.0 else 0)
        put(out, why, k, c, reason, beta)
        correlate(out, why, k, c + 1, early, products, own if w == 1 else inverse(spread), sides[w, 3])
        put(out, why, k, c + 2, reason, math.sqrt(max(spread - beta * products, 0.0) / (window - 2)))
        if w == 1:
            put(out, why, k, 9, reason, x - beta * m)
            put(out, why, k, 10, reason, sums[i, X] - beta * sides[0, 0])
    put(out, why, k, 11, WARMING_UP if n < SHORT else 0, sums[i, X] - sides[0, 0])
    put(out, why, k, 12, WARMING_UP if n < MIDDLE else 0, sums[i, X + 1] - sides[1, 0])
    reason = WARMING_UP if n < MIDDLE else (EDGE if sides[FALLS, 2] == 0.0 else 0)
    put(out, why, k, 13, reason, (sums[i, FALLING_XM] - sides[FALLS, 1] * sums[i, FALLING]) * sides[FALLS, 2])
    apart = sums[i, LEVEL_SQUARES] - sums[i, LEVELS] * sums[i, LEVELS] / MIDDLE
    level = (sums[i, LEVEL] - sums[i, LEVELS] / MIDDLE) * inverse(apart / (MIDDLE - 1))
    still = sums[i, LEVEL_MOVES] == 0.0 or apart <= 0.0
    put(out, why, k, 14, WARMING_UP if n < MIDDLE else (EDGE if still else 0), level)
    products = sums[i, LEAD] - sides[LAGGED, 1] * sums[i, X + 1]
    correlate(out, why, k, 15, n < MIDDLE + 1, products, own, sides[LAGGED, 3])
    products, before = sums[i, LAG] - sides[1, 1] * sums[i, X + 3], inverse(spread_of(sums, i, 3, MIDDLE))
    correlate(out, why, k, 16, n < MIDDLE + 1, products, before, sides[1, 3])


@njit(cache=True, inline="always")
def write_leader(
    sums: Float64, i: int, sides: Float64, j: int, n: int, own: float, out: Float64, why: UInt8, k: int, c: int
) -> None:
    """Write the columns against leader j from column c on; both have been there for n market times in a row."""
    products, other = sums[i, LEADER + j] - sides[OF_LEADER + j, 1] * sums[i, X + 1], sides[OF_LEADER + j, 2]
    put(out, why, k, c, WARMING_UP if n < MIDDLE else (EDGE if other == 0.0 else 0), products * other)
    correlate(out, why, k, c + 1, n < MIDDLE, products, own, sides[OF_LEADER + j, 3])
    products = sums[i, LEADER_LEAD + j] - sides[LEADER_LAGGED + j, 1] * sums[i, X + 1]
    correlate(out, why, k, c + 2, n < MIDDLE + 1, products, own, sides[LEADER_LAGGED + j, 3])
    put(out, why, k, c + 3, WARMING_UP if n < SHORT else 0, sums[i, X] - sides[LEADER_SHORT + j, 0])


@njit(cache=True, inline="always")
def write_row(
    own: Float64, sums: Float64, i: int, market: Float64, leaders: Float64, led: Int64, rows: Int64, sides: Float64,
    t: int, n: int, x: float, out: Float64, why: UInt8, k: int,
) -> None:  # fmt: skip
    """Take return x of market time t, a series' n-th in a row, and write its columns."""
    if n == 1:
        own[:, i], sums[i, :] = 0.0, 0.0
    own[t & (RING - 1), i] = x
    if n % LAP:
        slide(sums, own, i, market, leaders, t, n)
    else:
        rebuild(sums, own, i, market, leaders, t)
    length = inverse(spread_of(sums, i, 1, MIDDLE))
    write_market(sums, i, sides, n, x, market[t & (RING - 1)], length, out, why, k)
    for j in range(LEADERS):
        c = OF_MARKET + j * OF_A_LEADER
        if rows[j] < 0:
            out[k, c : c + OF_A_LEADER], why[k, c : c + OF_A_LEADER] = np.nan, NO_FEED
        else:
            write_leader(sums, i, sides, j, min(n, led[j]), length, out, why, k, c)
