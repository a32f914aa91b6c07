"""Spreads estimated from prices alone, where there are no quotes or to hold against them, and returns of zero.

With u = log(high / close), d = log(close / low) and r the log return, all of one bar, a pair of bars has
    Corwin-Schultz: beta = (u + d)^2 + (u' + d')^2, gamma the same of both bars' common high and low,
                    spread = 2 (e^a - 1) / (e^a + 1), a = (1 + sqrt 2) sqrt beta - sqrt(gamma / (3 - 2 sqrt 2))
    Abdi-Ranaldo:   4 (close' - eta') (close' - eta), eta the middle of high and low, all in logs; ' the bar before.

Seed:   none.
Edges:  flat bars have spread 0; a spread below 0 counts as 0. Nights are not left out.
Cost:   O(1) a bar, 400 bytes a series; running sums are rebuilt every lap.
Source: Roll (1984); Corwin and Schultz (2012); Abdi and Ranaldo (2017); Lesmond, Ogden and Trzcinka (1999).
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.bar_inputs import log_ratio
from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.inputs import BarInputs, History, past
from features.microstructure.horizons import WARMING_UP, write
from features.ties import TIE
from schema.ticks import Float64, Int64, UInt8

LONG, SHORT = 60, 20
UP, DOWN, LAST, SUM, PRODUCTS, HIGH_LOW, CLOSE_MIDDLE = range(7)
CS, AR = 0, 1
ROOT = math.sqrt(3.0 - 2.0 * math.sqrt(2.0))
BETA = (math.sqrt(2.0) - 1.0) / (ROOT * ROOT)


class Params(NamedTuple):
    tie: float


class State(NamedTuple):
    sums: Float64  # (series, 7) u, d and r of the bar before; of returns, of their products, of the pairs' spreads
    pairs: Float64  # (series, SHORT, 2) Corwin-Schultz and Abdi-Ranaldo of the n-th bar's pair at slot n % SHORT
    still: Int64  # (series,) bit j says whether the return of j bars ago was 0
    counts: Int64  # (series, 2) how many of the last SHORT and LONG


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    sums, pairs = np.zeros((n, 7)), np.zeros((n, SHORT, 2))
    return State(sums, pairs, np.zeros(n, np.int64), np.zeros((n, 2), np.int64))


@njit(cache=True)
def products(returns: Float64, sums: Float64, i: int, n: int) -> None:
    """Sum the returns of the last LONG bars, and the products of those that follow one another, afresh."""
    total = squares = 0.0
    after = past(returns, i, n, 0)
    for lag in range(1, LONG + 1):
        value = past(returns, i, n, lag) if lag < LONG else 0.0
        total += after
        squares += after * value
        after = value
    sums[SUM], sums[PRODUCTS] = total, squares


@njit(cache=True)
def roll(returns: Float64, sums: Float64, i: int, n: int, newest: float) -> float:
    """Slide the sums of returns and return minus the covariance of successive ones."""
    oldest = 0.0
    if n % LONG == 1:
        products(returns, sums, i, n)
        oldest = past(returns, i, n, LONG - 1)
    else:
        sums[SUM] += newest
        sums[PRODUCTS] += newest * sums[LAST]
        if n > LONG:
            oldest = past(returns, i, n, LONG - 1)
        if n > LONG + 1:
            gone = past(returns, i, n, LONG)
            sums[SUM] -= gone
            sums[PRODUCTS] -= oldest * gone
    total = sums[SUM]
    mean = total / LONG
    sums[LAST] = newest
    covariance: float = sums[PRODUCTS] - mean * ((total - newest) + (total - oldest)) + (LONG - 1) * mean * mean
    return -covariance / (LONG - 1)


@njit(cache=True)
def pair(sums: Float64, pairs: Float64, n: int, up: float, down: float, change: float) -> None:
    """Put the spreads of this bar and the one before in the place of those SHORT bars before."""
    both = max(up, sums[UP] - change) + max(down, sums[DOWN] + change)
    a = BETA * math.sqrt((up + down) * (up + down) + (sums[UP] + sums[DOWN]) * (sums[UP] + sums[DOWN])) - both / ROOT
    spread = 2.0 * math.tanh(0.5 * a) if a > 0.0 else 0.0
    reversal = (sums[UP] - sums[DOWN]) * (2.0 * change + up - down)
    slot = n % SHORT
    sums[HIGH_LOW] += spread - pairs[slot, CS]
    sums[CLOSE_MIDDLE] += reversal - pairs[slot, AR]
    pairs[slot, CS], pairs[slot, AR] = spread, reversal
    if slot == 0:
        sums[HIGH_LOW] = sums[CLOSE_MIDDLE] = 0.0
        for k in range(SHORT):
            sums[HIGH_LOW] += pairs[k, CS]
            sums[CLOSE_MIDDLE] += pairs[k, AR]


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        sums, counts, covariance = state.sums[i], state.counts[i], 0.0
        up, down = log_ratio(bars.high[k], close), log_ratio(close, bars.low[k])
        if n > 1:
            change = bars.log_return[k]
            covariance = roll(history.log_return, sums, i, n, change)
            pair(sums, state.pairs[i], n, up, down, change)
            still, bits = int(abs(change) <= params.tie), state.still[i]
            counts[0] += still - (bits >> (SHORT - 1) & 1)
            counts[1] += still - (bits >> (LONG - 1) & 1)
            state.still[i] = bits << 1 | still
        sums[UP], sums[DOWN] = up, down
        long, short = (0 if n > LONG else WARMING_UP), (0 if n > SHORT else WARMING_UP)
        write(out, why, k, 0, 2e4 * math.sqrt(max(covariance, 0.0)), long)
        write(out, why, k, 1, 1e4 / SHORT * max(sums[HIGH_LOW], 0.0), short)
        write(out, why, k, 2, 1e4 * math.sqrt(max(sums[CLOSE_MIDDLE], 0.0) / SHORT), short)
        write(out, why, k, 3, counts[0] / SHORT, short)
        write(out, why, k, 4, counts[1] / LONG, long)


_column = partial(Column, driver=Driver.BAR, unit="bps", range=(0.0, math.inf), oracle="naive, in long double")
_short = partial(_column, window=SHORT + 1, warm_up=SHORT + 1, params={"window": SHORT})
_long = partial(_column, window=LONG + 1, warm_up=LONG + 1, params={"window": LONG})
_still = {"source": "Lesmond, Ogden and Trzcinka (1999)", "inputs": ("close",), "unit": "share", "range": (0.0, 1.0)}
_TIE = "a log return within 1e-12 is 0"
_CLOSES = "20,000 sqrt(max(0, -cov(log return, log return before))), one mean for both, over 60 returns"
_HIGHS = "10,000 mean over 20 pairs of bars of max(0, spread from the ranges of each bar and of both)"
_MIDDLES = "10,000 sqrt(max(0, mean over 20 pairs of bars of 4 (close - eta) (close - eta after))), in logs"
_PRICES = ("high", "low", "close")
_ZERO = "share of zero log returns among the last "
COLUMNS = (
    _long("roll_spread_60", _CLOSES, "Roll (1984)", ("close",), edges="0 where returns don't reverse"),
    _short("corwin_schultz_spread_20", _HIGHS, "Corwin and Schultz (2012)", _PRICES, edges="flat: 0"),
    _short("abdi_ranaldo_spread_20", _MIDDLES, "Abdi and Ranaldo (2017)", _PRICES, edges="flat: 0"),
    _short("zero_return_share_20", _ZERO + "20", ties=_TIE, **_still),
    _long("zero_return_share_60", _ZERO + "60", ties=_TIE, **_still),
)
register(Group("bar_spreads", Family.MICROSTRUCTURE, Stage.BARS, COLUMNS, Params(TIE), init, update))
