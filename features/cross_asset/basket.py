"""A series' place in the basket over windows, and how the basket moves: a rank, breadth, correlation, first factor.

Windows run over market times (see `market_clock`); a row counts in a window that it has been there for without a
break. Correlation and factor take a return that a row lacks for 0. What the
rank compares is cut to steps of 2^-40, so that equal moves along other paths share a rank.

Seed:   none.
Edges:  EDGE where this bar time has no market or fewer than two rows to compare; where fewer than two rows moved
        (correlation); where none did or the market did not (absorption, loading); loading also where the second
        eigenvalue is above GAP of the first, or the first is not found.
Cost:   O(1) a row with 64 products, one sort and about 25 us a bar time; 64 + 7 numbers a series.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Family, Group, Stage, register
from features.cross_asset.basket_columns import COLUMNS, LOADING, SHARED, WINDOWS
from features.cross_asset.basket_market import describe_market, describe_rows, factor_of, squares_about_mean
from features.cross_asset.basket_sums import (
    MONTH,
    MOVES20,
    MOVES64,
    RING,
    SUMS,
    WEIGHTED,
    X20,
    X64,
    XX20,
    XX64,
    rebuild,
    slide,
)
from features.cross_asset.cross_section import gather, mean_of
from features.cross_asset.market_clock import streak_of, tick
from features.cross_asset.ranks import EDGE, LEAST, leave_undefined, reason_without_market, write_ranks
from features.decay import WARMING_UP
from features.inputs import BarGroups, BarInputs
from features.ties import TIE
from schema.ticks import Float64, Int64, UInt8

GAP = 0.9  # of the first eigenvalue: a second above it leaves the first factor's direction open
STEPS = 2.0**40


class Params(NamedTuple):
    least: int  # rows
    gap: float


class State(NamedTuple):
    times: Int64  # (timeframes,) market times
    market: Float64  # (timeframes, RING) mean return of market time t at slot t % RING
    total: Float64  # (timeframes, RING) sum of the returns
    gram: Float64  # (timeframes, RING, RING) sum over symbols of return(s) * return(t)
    seen: Int64  # (series,) the last market time at which it had a return
    streak: Int64  # (series,) how many of them in a row
    own: Float64  # (series, RING)
    sums: Float64  # (series, SUMS)


def init(n_symbols: int, n_timeframes: int) -> State:
    n, f = n_symbols * n_timeframes, n_timeframes
    return State(
        np.zeros(f, np.int64), np.zeros((f, RING)), np.zeros((f, RING)), np.zeros((f, RING, RING)),
        np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros((n, RING)), np.zeros((n, SUMS)),
    )  # fmt: skip


@njit(cache=True, inline="always")
def size_of(sums: Float64, i: int, n: int) -> float:
    """Return the volatility that a row, in its n-th market time in a row, is ranked by; NaN where it can't be."""
    if n < MONTH:
        return np.nan
    return np.rint(math.sqrt(max(sums[i, XX20], 0.0) / MONTH) * STEPS) if sums[i, MOVES20] > 0.0 else 0.0


@njit(cache=True, inline="always")
def spread_of(sums: Float64, i: int) -> float:
    """Return the squared deviations of the ring's returns, 0 where none is a move."""
    apart = sums[i, XX64] - sums[i, X64] * sums[i, X64] / RING
    return apart if sums[i, MOVES64] > 0.0 and apart > 0.0 else 0.0


@njit(cache=True, inline="always")
def take_row(own: Float64, sums: Float64, i: int, x: float, t: int, n: int, products: Float64) -> None:
    """Take a row's return x at market time t, its n-th in a row; add its products with the ring."""
    if n == 1:
        own[i, :], sums[i, :] = 0.0, 0.0
    slide(sums, own, i, t, x)
    if n % RING == 0:
        rebuild(sums, own, i, t)
    for j in range(RING):
        products[j] += x * own[i, j]


@njit(cache=True, inline="always")
def loading(own: Float64, i: int, factor: Float64) -> float:
    """Return the product of a series' ring and the factor's path."""
    a = b = c = d = 0.0
    for j in range(0, RING, 4):
        a, b = a + own[i, j] * factor[j], b + own[i, j + 1] * factor[j + 1]
        c, d = c + own[i, j + 2] * factor[j + 2], d + own[i, j + 3] * factor[j + 3]
    return (a + b) + (c + d)


@njit(cache=True, inline="always")
def put(out: Float64, why: UInt8, k: int, c: int, reason: int, value: float) -> None:
    out[k, c], why[k, c] = np.nan if reason else value, reason


@njit(cache=True, inline="always")
def write_shared(n: int, shared: Float64, out: Float64, why: UInt8, k: int) -> None:
    """Write what all rows of the bar time share, to one in its n-th market time in a row; NaN is undefined."""
    for c, window in enumerate(WINDOWS):
        reason = WARMING_UP if n < window else (EDGE if np.isnan(shared[c]) else 0)
        put(out, why, k, SHARED + c, reason, shared[c])


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, groups: BarGroups, out: Float64, why: UInt8) -> None:
    rows, series, log_return = len(bars.series), bars.series, bars.log_return
    seen, streak, own, sums = state.seen, state.streak, state.own, state.sums
    room, sizes, shared, factor = np.empty(rows), np.empty(rows), np.empty(len(WINDOWS)), np.empty(RING)
    places, reasons = np.empty(rows), np.empty(rows, np.uint8)
    for g in range(len(groups.by_time)):
        first, last = groups.first[g], groups.first[g + 1]
        m = gather(log_return, first, last, room) if groups.by_time[g] else 0
        if m < params.least:
            leave_undefined(first, last, EDGE, out, why)
            for k in range(first, last):
                why[k, :] = reason_without_market(log_return[k])
            continue
        f, mean = bars.timeframe[first], mean_of(room[:m])
        t = tick(state.times, state.market, f, mean)
        state.total[f, t & (RING - 1)] = mean * m
        products, squares, deviations, moving = np.zeros(RING), 0.0, 0.0, 0
        long, rising, above = 0, 0, 0
        for k in range(first, last):
            if np.isnan(log_return[k]):
                sizes[k] = np.nan
                continue
            i = series[k]
            n = streak_of(seen, streak, i, t)
            take_row(own, sums, i, log_return[k], t, n, products)
            sizes[k], spread = size_of(sums, i, n), spread_of(sums, i)
            squares, deviations, moving = squares + spread, deviations + math.sqrt(spread), moving + (spread > 0.0)
            if n >= MONTH:
                room[long] = sums[i, X20]
                long += 1
                rising += sums[i, X20] > TIE
                above += sums[i, WEIGHTED] > (MONTH + 1) * TIE
        state.gram[f, t & (RING - 1), :] = products
        state.gram[f, :, t & (RING - 1)] = products
        shared[:] = np.nan
        describe_market(state.market[f], t, shared)
        if long >= params.least:
            describe_rows(room[:long], rising, above, shared[5:8])
        if moving >= params.least:
            together = squares_about_mean(state.total[f]) - squares
            shared[8] = min(max(together / (deviations * deviations - squares), -1.0), 1.0)
        stands_out = False
        if t >= RING:
            shared[9], stands_out = factor_of(state.gram[f], state.market[f], params.gap, factor)
        write_ranks(sizes[first:last], first, WARMING_UP, places, reasons)
        for k in range(first, last):
            out[k, 0], why[k, 0] = places[k], reasons[k]
            if np.isnan(log_return[k]):
                write_shared(0, shared, out, why, k)
                put(out, why, k, LOADING, WARMING_UP, 0.0)
                continue
            i = series[k]
            n, spread = streak[i], spread_of(sums, i)
            write_shared(n, shared, out, why, k)
            reason = WARMING_UP if n < RING else (0 if stands_out and spread > 0.0 else EDGE)
            value = 0.0 if reason else loading(own, i, factor) / math.sqrt(spread)
            put(out, why, k, LOADING, reason, min(max(value, -1.0), 1.0))


register(
    Group(
        name="basket",
        family=Family.CROSS_ASSET,
        stage=Stage.CROSS,
        columns=COLUMNS,
        params=Params(LEAST, GAP),
        init=init,
        update=update,
        version=2,
    )
)
