"""Anomalies of single series: returns, volumes and spreads far from what the series usually does.

Each measure has a running mean and variance (exponential, span 250 bars); a value counts at most as the bound in them,
so that one outlier doesn't hide the next. A return is measured twice: against its variance of late (a z-score), and
against bipower variation over the last 30 bars, which a jump doesn't inflate (Barndorff-Nielsen and Shephard 2004; as a
test of single returns: Lee and Mykland 2008). No scale is less than the mean size of the series' moves other than 0:
where nine in ten returns are 0, one tick is no anomaly. Volume and spread are logarithms, whose tails are light: five
eighths of the bound are theirs, and only high ones count.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit

from schema.alerts import AlertKind
from schema.ticks import Bool, Float64, Int32, Int64

MEASURES: Final = (AlertKind.RETURN_OUTLIER, AlertKind.JUMP, AlertKind.VOLUME_OUTLIER, AlertKind.SPREAD_OUTLIER)
SPAN: Final = 250.0  # bars of means and variances; so many are seen before anything is judged
_NEAR: Final = 30.0  # bars of the present volatility
_CALM: Final = 10  # bars below half the bound that end an anomaly
_LOGARITHM: Final = 0.625  # of the bound
_LEAST_VOLUME: Final = 0.5  # deviation of log volume that is taken at least
_LEAST_SPREAD: Final = 0.25  # and of log spread


class Series(NamedTuple):
    """The state, S series of one timeframe."""

    price: Float64  # (S,) of the bar before, NaN where there is none
    trade_price: Bool  # (S,) whether that was a trade's
    before: Float64  # (S,) size of the return before, NaN where there is none
    seen: Int64  # (S, 3) returns, volumes, spreads
    mean: Float64  # (S, 3) log volume and log spread; 0 of returns
    variance: Float64  # (S, 3)
    near: Float64  # (S,) mean square of returns over 30 bars
    bipower: Float64  # (S,) variance over 30 bars without jumps
    typical: Float64  # (S,) mean size of returns other than 0
    moves: Int64  # (S,) returns other than 0
    up: Bool  # (S, 4) an anomaly of MEASURES is on
    calm: Int64  # (S, 4) calm bars since
    changed: Int64  # (S, 4) ns UTC: when it last began or ended


class Rows(NamedTuple):
    """What is looked at, n bars in stream order."""

    time: Int64
    symbol: Int32
    price: Float64
    trade_price: Bool
    broken: Bool  # no return leads here: a session began, a halt or a gap lies before
    volume: Float64
    spread: Float64  # share of the mid, NaN where there is no quote


def series(n: int) -> Series:
    """Return the state of n series that have seen nothing."""
    one, three, four = (n,), (n, 3), (n, len(MEASURES))
    return Series(
        np.full(one, np.nan), np.zeros(one, np.bool_), np.full(one, np.nan), np.zeros(three, np.int64), np.zeros(three),
        np.zeros(three), np.zeros(one), np.zeros(one), np.zeros(one), np.zeros(one, np.int64),
        np.zeros(four, np.bool_), np.zeros(four, np.int64), np.zeros(four, np.int64),
    )  # fmt: skip


def watch(state: Series, rows: Rows, bound: float) -> tuple[Int64, Float64, Float64]:
    """Advance the state; return changes and, of each row, how volatile its series is.

    Changes are (m, 3) integers: row, place in MEASURES, 1 where an anomaly begins and 0 where one ends; and (m, 2)
    numbers: score in deviations, and the return, log volume or log spread. Volatility is the mean square of returns
    over 30 bars in units of the variance, NaN in warm-up.
    """
    events = np.empty((len(MEASURES) * len(rows.time), 3), np.int64)
    numbers, volatility = np.empty((len(events), 2)), np.empty(len(rows.time))
    m = _watch(state, rows, bound, events, numbers, volatility)
    return events[:m], numbers[:m], volatility


@njit(cache=True)
def _watch(state, rows, bound, events, numbers, volatility):  # type: ignore[no-untyped-def]
    m, low = 0, bound * _LOGARITHM
    score, value = np.empty(4), np.empty(4)
    for k in range(len(rows.time)):
        i = rows.symbol[k]
        score[:] = np.nan
        _look_at_return(state, i, rows.price[k], rows.trade_price[k], rows.broken[k], bound, score, value)
        if rows.volume[k] > 0:
            score[2], value[2] = _high(state, i, 1, np.log(rows.volume[k]), _LEAST_VOLUME, low)
        if rows.spread[k] > 0:
            score[3], value[3] = _high(state, i, 2, np.log(rows.spread[k]), _LEAST_SPREAD, low)
        for measure in range(4):
            change = _change(state, i, measure, score[measure], rows.time[k], bound if measure < 2 else low)
            if change >= 0:
                events[m, 0], events[m, 1], events[m, 2] = k, measure, change
                numbers[m, 0], numbers[m, 1] = score[measure], value[measure]
                m += 1
        warm = state.seen[i, 0] >= SPAN and state.variance[i, 0] > 0
        volatility[k] = state.near[i] / state.variance[i, 0] if warm else np.nan
    return m


@njit(cache=True)
def _look_at_return(state, i, price, trade_price, broken, bound, score, value):  # type: ignore[no-untyped-def]
    usable = not broken and price > 0 and state.price[i] > 0 and trade_price == state.trade_price[i]
    r = np.log(price / state.price[i]) if usable else np.nan
    state.price[i], state.trade_price[i] = price, trade_price
    if not usable:
        state.before[i] = np.nan
        return
    size, cut = abs(r), abs(r)
    if state.seen[i, 0] >= SPAN and state.moves[i] > 0:
        scale = max(np.sqrt(state.variance[i, 0]), state.typical[i])
        score[0] = size / scale
        score[1] = size / max(np.sqrt(state.bipower[i]), state.typical[i])
        value[0] = value[1] = r
        cut = min(size, bound * scale)
    n = state.seen[i, 0] + 1
    state.seen[i, 0] = n
    state.variance[i, 0] += (cut * cut - state.variance[i, 0]) / min(n, SPAN)
    state.near[i] += (cut * cut - state.near[i]) / min(n, _NEAR)
    if cut > 0:
        state.moves[i] += 1
        state.typical[i] += (cut - state.typical[i]) / min(state.moves[i], SPAN)
    if state.before[i] >= 0:
        state.bipower[i] += (np.pi / 2 * cut * state.before[i] - state.bipower[i]) / min(n, _NEAR)
    state.before[i] = cut


@njit(cache=True)
def _high(state, i, measure, x, least, bound):  # type: ignore[no-untyped-def]
    n, mean = state.seen[i, measure], state.mean[i, measure]
    score, cut = np.nan, x
    if n >= SPAN:
        scale = max(np.sqrt(state.variance[i, measure]), least)
        score = (x - mean) / scale
        cut = min(max(x, mean - bound * scale), mean + bound * scale)
    n += 1
    state.seen[i, measure] = n
    share = 1.0 / min(n, SPAN)
    state.mean[i, measure] += share * (cut - mean)
    state.variance[i, measure] += share * ((cut - mean) * (cut - state.mean[i, measure]) - state.variance[i, measure])
    return score, x


@njit(cache=True)
def _change(state, i, measure, score, time, bound):  # type: ignore[no-untyped-def]
    """Return 1 where an anomaly begins, 0 where it ends, -1 else. Never twice at one time: that is a row's key."""
    if np.isnan(score):
        return -1
    if not state.up[i, measure]:
        if score <= bound or time <= state.changed[i, measure]:
            return -1
        state.up[i, measure], state.calm[i, measure], state.changed[i, measure] = True, 0, time
        return 1
    state.calm[i, measure] = state.calm[i, measure] + 1 if score < bound / 2 else 0
    if state.calm[i, measure] < _CALM or time <= state.changed[i, measure]:
        return -1
    state.up[i, measure], state.changed[i, measure] = False, time
    return 0
