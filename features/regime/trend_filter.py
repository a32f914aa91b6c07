"""Probabilities that the market rises, falls or goes sideways: Hamilton's filter over standardised log returns.

Three hidden states give returns of mean 0.5, 0 and -0.5 deviations and deviation 1; each lasts another bar with
probability 0.96 and turns into either other one with 0.02. A return is divided by the volatility known before it and
counts at most 8 deviations. The filter sees no future: it is not smoothed.

Seed:   all three equally probable; the variance starts with the mean of the first 20 squared returns.
Edges:  undefined, and the filter stays, while the volatility is 0.
Cost:   O(1) a bar with one exponential, 8 numbers a series.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP, burn_in, standing
from features.inputs import BarInputs, History
from features.regime.states import SWITCHES, UInt64, counted_switches, filtered, likeliest
from features.regime.volatility_rank import variance_after
from features.regime.windows import leave_undefined
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

SPAN, MEAN, MOST = 20, 0.5, 8.0
WARM_UP = SPAN + 2
CONVERGED = WARM_UP + burn_in(1 - 2 / (SPAN + 1)) + burn_in(0.94)
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    mean: float  # deviations a bar
    most: float  # deviations
    converged: int  # bars
    negligible: float


class State(NamedTuple):
    variance: Float64  # (series,) exponentially weighted mean of squared log returns
    bull: Float64  # (series,) probability
    bear: Float64
    trend: Int64  # (series,) 1, 0 or -1
    bars: Int64  # (series,) bars in that state
    turned: UInt64  # (series, 2) a bit a bar: 1 where it changed
    switches: Int64  # (series,) how many of the last SWITCHES


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    even, none = np.full((2, n), 1 / 3), np.zeros((3, n), np.int64)
    return State(np.zeros(n), even[0], even[1], none[0], none[1], np.zeros((n, 2), np.uint64), none[2])


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    beside = math.exp(-0.5 * params.mean * params.mean)
    variances, bulls, bears, trends, since, turns, switches = state
    series, nth, log_return = bars.series, bars.n, bars.log_return
    for k in range(len(series)):
        i, n, change = series[k], nth[k], log_return[k]
        variance = variances[i]
        known, turned = n >= WARM_UP and variance > 0.0, False
        if known:
            z = max(-params.most, min(change / math.sqrt(variance), params.most))
            e = math.exp(params.mean * z)
            bull, bear = filtered(bulls[i], bears[i], beside * e, 1.0, beside / e)
            trend = likeliest(bull, bear)
            turned = trend != trends[i]
            bulls[i], bears[i], trends[i] = bull, bear, trend
            since[i] = 1 if turned else since[i] + 1
            out[k, 0], out[k, 1], out[k, 2] = bull, bear, max(1.0 - bull - bear, 0.0)
            out[k, 3], out[k, 4] = trend, since[i]
            reason = standing(n, WARM_UP, params.converged)
            for c in range(6):
                why[k, c] = reason
        else:
            leave_undefined(out, why, k, 6, EDGE if n >= WARM_UP else WARMING_UP)
        switches[i] += counted_switches(turns, i, turned)
        if known:
            out[k, 5] = switches[i]
        if n > 1:
            variances[i] = variance_after(variance, change, n, SPAN, params.negligible)


_TIES = "which of three probabilities is largest"
_column = partial(
    Column,
    source="Hamilton (1989), the filter, with given parameters",
    inputs=("close",),
    driver=Driver.BAR,
    window=0,
    warm_up=WARM_UP,
    oracle="naive, scipy.stats.norm",
    params={"span": SPAN, "mean": MEAN, "most": MOST, "stay": 0.96, "converged": CONVERGED},
    edges="no volatility: undefined",
)
_probability = partial(_column, unit="probability", range=(0.0, 1.0))
register(
    Group(
        name="trend_filter",
        family=Family.REGIME,
        stage=Stage.BARS,
        columns=(
            _probability("bull_probability", "filtered probability of the state of mean 0.5 deviations a bar"),
            _probability("bear_probability", "filtered probability of the state of mean -0.5 deviations a bar"),
            _probability("sideways_probability", "1 - bull_probability - bear_probability"),
            _column(
                "trend_filter_state",
                "1, -1 or 0: whether bull, bear or sideways is the likeliest",
                unit="state",
                range=(-1.0, 1.0),
                ties=_TIES,
            ),
            _column(
                "bars_in_trend_filter_state",
                "bars since trend_filter_state last changed, that one included",
                unit="bars",
                range=(1.0, math.inf),
                ties=_TIES,
            ),
            _column(
                "trend_filter_switches_120",
                f"bars of the last {SWITCHES} with which trend_filter_state changed",
                unit="bars",
                range=(0.0, float(SWITCHES)),
                ties=_TIES,
            ),
        ),
        params=Params(MEAN, MOST, CONVERGED, TIE * TIE),
        init=init,
        update=update,
    )
)
