"""Spreads estimated from prices alone, where there are no quotes or to hold against them, and returns of zero.

With u = log(high / close), d = log(close / low) and r the log return, all of one bar, a pair of bars has
    Corwin-Schultz: beta = (u + d)^2 + (u' + d')^2, gamma the same of both bars' common high and low,
                    spread = 2 (e^a - 1) / (e^a + 1), a = (1 + sqrt 2) sqrt beta - sqrt(gamma / (3 - 2 sqrt 2));
' is the bar before.

Seed:   none.
Edges:  flat bars have spread 0; a spread below 0 counts as 0. Nights are not left out.
Cost:   O(1) a bar, 400 bytes a series; running sums are rebuilt every lap.
Source: Roll (1984); Corwin and Schultz (2012); Lesmond, Ogden and Trzcinka (1999).
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.inputs import BarInputs, History, past
from features.microstructure.horizons import WARMING_UP, write
from features.statistical.logs import near_log_ratio
from features.ties import TIE
from schema.ticks import Float64, Int64, UInt8

LONG, SHORT = 60, 20
UP, DOWN, LAST, SUM, PRODUCTS, HIGH_LOW, SHORT_SUM, SHORT_PRODUCTS, SUMS = range(9)
ROOT = math.sqrt(3.0 - 2.0 * math.sqrt(2.0))
BETA = (math.sqrt(2.0) - 1.0) / (ROOT * ROOT)


class Params(NamedTuple):
    tie: float


class State(NamedTuple):
    sums: Float64  # (series, SUMS) u, d and r of the bar before; of returns, of their products, of the pairs' spreads
    pairs: Float64  # (SHORT, series) Corwin-Schultz of the n-th bar's pair at slot n % SHORT
    still: Int64  # (series,) bit j says whether the return of j bars ago was 0
    counts: Int64  # (series, 2) how many of the last SHORT and LONG


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    sums, pairs = np.zeros((n, SUMS)), np.zeros((SHORT, n))
    return State(sums, pairs, np.zeros(n, np.int64), np.zeros((n, 2), np.int64))


@njit(cache=True)
def products(returns: Float64, sums: Float64, i: int, n: int) -> None:
    """Sum the returns of the last SHORT and LONG bars, and the products of those that follow one another, afresh."""
    total = squares = 0.0
    after = past(returns, i, n, 0)
    for lag in range(1, LONG + 1):
        value = past(returns, i, n, lag) if lag < LONG else 0.0
        total += after
        if lag == SHORT:
            sums[i, SHORT_SUM], sums[i, SHORT_PRODUCTS] = total, squares
        squares += after * value
        after = value
    sums[i, SUM], sums[i, PRODUCTS] = total, squares


@njit(cache=True, inline="always")
def reversal(total: float, both: float, newest: float, oldest: float, window: float) -> float:
    """Return minus the covariance of successive returns from their sum and that of their products."""
    mean, pairs = total * (1.0 / window), window - 1.0
    return (mean * ((total - newest) + (total - oldest)) - both - pairs * mean * mean) * (1.0 / pairs)


@njit(cache=True, inline="always")
def roll(returns: Float64, sums: Float64, i: int, n: int, newest: float) -> tuple[float, float]:
    """Slide the sums of returns and return minus the covariance of successive ones, over LONG and over SHORT."""
    short = past(returns, i, n, SHORT - 1) if n > SHORT else 0.0
    long = past(returns, i, n, LONG - 1) if n > LONG else 0.0
    if n % LONG == 1:
        products(returns, sums, i, n)
    else:
        product = newest * sums[i, LAST]
        sums[i, SUM] += newest
        sums[i, PRODUCTS] += product
        sums[i, SHORT_SUM] += newest
        sums[i, SHORT_PRODUCTS] += product
        if n > SHORT + 1:
            gone = past(returns, i, n, SHORT)
            sums[i, SHORT_SUM] -= gone
            sums[i, SHORT_PRODUCTS] -= short * gone
        if n > LONG + 1:
            gone = past(returns, i, n, LONG)
            sums[i, SUM] -= gone
            sums[i, PRODUCTS] -= long * gone
    sums[i, LAST] = newest
    return (
        reversal(sums[i, SUM], sums[i, PRODUCTS], newest, long, float(LONG)),
        reversal(sums[i, SHORT_SUM], sums[i, SHORT_PRODUCTS], newest, short, float(SHORT)),
    )


@njit(cache=True, inline="always")
def hyperbolic_tangent(x: float) -> float:
    """Return tanh(x); by its series where x is small, as it nearly always is."""
    if abs(x) > 0.02:
        return math.tanh(x)
    s = x * x
    return x + x * s * (-1 / 3 + s * (2 / 15 + s * (-17 / 315 + s * (62 / 2835))))


@njit(cache=True, inline="always")
def pair(sums: Float64, pairs: Float64, i: int, n: int, up: float, down: float, change: float) -> None:
    """Put the spreads of this bar and the one before in the place of those SHORT bars before."""
    up_before, down_before = sums[i, UP], sums[i, DOWN]
    both = max(up, up_before - change) + max(down, down_before + change)
    ranges = (up + down) * (up + down) + (up_before + down_before) * (up_before + down_before)
    a = BETA * math.sqrt(ranges) - both * (1 / ROOT)
    spread = 2.0 * hyperbolic_tangent(0.5 * a) if a > 0.0 else 0.0
    slot = n % SHORT
    sums[i, HIGH_LOW] += spread - pairs[slot, i]
    pairs[slot, i] = spread
    if slot == 0:
        sums[i, HIGH_LOW] = 0.0
        for k in range(SHORT):
            sums[i, HIGH_LOW] += pairs[k, i]


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    sums, pairs, stills, counts = state
    returns, tie = history.log_return, params.tie
    series, nth, high, low, close, log_return = bars.series, bars.n, bars.high, bars.low, bars.close, bars.log_return
    for k in range(len(series)):
        i, n, covariance, of_short = series[k], nth[k], 0.0, 0.0
        up, down = near_log_ratio(high[k], close[k]), near_log_ratio(close[k], low[k])
        if n > 1:
            change = log_return[k]
            covariance, of_short = roll(returns, sums, i, n, change)
            pair(sums, pairs, i, n, up, down, change)
            still, bits = int(abs(change) <= tie), stills[i]
            counts[i, 0] += still - (bits >> (SHORT - 1) & 1)
            counts[i, 1] += still - (bits >> (LONG - 1) & 1)
            stills[i] = bits << 1 | still
        sums[i, UP], sums[i, DOWN] = up, down
        long, short = (0 if n > LONG else WARMING_UP), (0 if n > SHORT else WARMING_UP)
        write(out, why, k, 0, 2e4 * math.sqrt(max(covariance, 0.0)), long)
        write(out, why, k, 1, 1e4 / SHORT * max(sums[i, HIGH_LOW], 0.0), short)
        write(out, why, k, 2, counts[i, 0] * (1.0 / SHORT), short)
        write(out, why, k, 3, counts[i, 1] * (1.0 / LONG), long)
        write(out, why, k, 4, 2e4 * math.sqrt(max(of_short, 0.0)), short)


_column = partial(Column, driver=Driver.BAR, unit="bps", range=(0.0, math.inf), oracle="naive, in long double")
_short = partial(_column, window=SHORT + 1, warm_up=SHORT + 1, params={"window": SHORT})
_long = partial(_column, window=LONG + 1, warm_up=LONG + 1, params={"window": LONG})
_still = {"source": "Lesmond, Ogden and Trzcinka (1999)", "inputs": ("close",), "unit": "share", "range": (0.0, 1.0)}
_TIE = "a log return within 1e-12 is 0"
_CLOSES = "20,000 sqrt(max(0, -cov(log return, log return before))), one mean for both, over "
_REVERSE = "0 where returns don't reverse, where Roll leaves it undefined"
_HIGHS = "10,000 mean over 20 pairs of bars of max(0, spread from the ranges of each bar and of both)"
_PRICES = ("high", "low", "close")
_ZERO = "share of zero log returns among the last "
COLUMNS = (
    _long("roll_spread_60", _CLOSES + "60 returns", "Roll (1984)", ("close",), edges=_REVERSE),
    _short("corwin_schultz_spread_20", _HIGHS, "Corwin and Schultz (2012)", _PRICES, edges="flat: 0"),
    _short("zero_return_share_20", _ZERO + "20", ties=_TIE, **_still),
    _long("zero_return_share_60", _ZERO + "60", ties=_TIE, **_still),
    _short("roll_spread_20", _CLOSES + "20 returns", "Roll (1984)", ("close",), edges=_REVERSE),
)
register(Group("bar_spreads", Family.MICROSTRUCTURE, Stage.BARS, COLUMNS, Params(TIE), init, update, version=3))
