"""Correlation regime: how closely symbols move with the market of late, beside how they did.

The market is `market_return`: the equal-weighted mean over the rows of the bar time, the symbol's own included. A
pair is a bar's own log return with the market's; correlations are of exponentially weighted mean products about 0,
over 20 and 120 pairs, and their average is over the rows of the bar time that have both. The state becomes 1
(coupled) or -1 (decoupled) when short - long average passes 1 / (2 pi) that way, and 0 when it falls below half.

Seed:   plain means of the first 20 (120) products.
Edges:  EDGE where this bar has no market, or where the symbol (its own column) or all (the averages) or the market
        did not move; WARMING_UP until 120 pairs.
Cost:   O(1) a row, 9 numbers a series.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.cross_asset.cross_section import gather, mean_of
from features.cross_asset.ranks import EDGE, LEAST
from features.decay import WARMING_UP, burn_in, standing
from features.inputs import BarGroups, BarInputs
from features.regime.states import next_state
from features.regime.windows import leave_undefined
from features.ties import TIE
from schema.ticks import Float64, Int64, UInt8

SPANS = (20, 120)
ENTER = 0.5 / math.pi
WARM_UP = SPANS[1] + 1
CONVERGED = WARM_UP + burn_in(1 - 2 / (SPANS[1] + 1))


class Params(NamedTuple):
    least: int  # rows
    enter: float
    leave: float
    converged: int  # bars
    negligible: float


class State(NamedTuple):
    pairs: Int64  # (series,) seen
    own: Float64  # (series, spans) mean squared own return
    market: Float64  # (series, spans)
    product: Float64  # (series, spans)
    state: Int64  # (series,) -1, 0 or 1


def init(n_symbols: int, n_timeframes: int) -> State:
    n, m = n_symbols * n_timeframes, len(SPANS)
    return State(np.zeros(n, np.int64), np.zeros((n, m)), np.zeros((n, m)), np.zeros((n, m)), np.zeros(n, np.int64))


@njit(cache=True, inline="always")
def _correlation(own: float, market: float, product: float, negligible: float) -> float:
    """Return the correlation of the means of squares and of the product, NaN where either moved no more than a tie."""
    if own <= negligible or market <= negligible:
        return np.nan
    return max(-1.0, min(product / (math.sqrt(own) * math.sqrt(market)), 1.0))


@njit(cache=True, inline="always")
def _pair(state: State, i: int, own: float, market: float) -> None:
    state.pairs[i] += 1
    for s in range(2):
        weight = 1.0 / state.pairs[i] if state.pairs[i] <= SPANS[s] else 2.0 / (SPANS[s] + 1.0)
        state.own[i, s] += weight * (own * own - state.own[i, s])
        state.market[i, s] += weight * (market * market - state.market[i, s])
        state.product[i, s] += weight * (own * market - state.product[i, s])


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, groups: BarGroups, out: Float64, why: UInt8) -> None:
    room = np.empty(len(bars.series))
    for g in range(len(groups.by_time)):
        first, last = groups.first[g], groups.first[g + 1]
        m = gather(bars.log_return, first, last, room) if groups.by_time[g] else 0
        market = mean_of(room[:m]) if m >= params.least else 0.0
        short = long = 0.0
        known = 0
        for k in range(first, last):
            i, own = bars.series[k], bars.log_return[k]
            leave_undefined(out, why, k, 4, EDGE if m < params.least and not np.isnan(own) else WARMING_UP)
            if m < params.least or np.isnan(own):
                continue
            _pair(state, i, own, market)
            if state.pairs[i] < SPANS[1]:
                continue
            leave_undefined(out, why, k, 4, EDGE)
            a = _correlation(state.own[i, 0], state.market[i, 0], state.product[i, 0], params.negligible)
            b = _correlation(state.own[i, 1], state.market[i, 1], state.product[i, 1], params.negligible)
            if not (np.isnan(a) or np.isnan(b)):
                short, long, known = short + a, long + b, known + 1
                out[k, 0] = a - b
                why[k, 0] = standing(state.pairs[i] + 1, WARM_UP, params.converged)
        for k in range(first, last):
            i = bars.series[k]
            if m < params.least or known == 0 or np.isnan(bars.log_return[k]) or state.pairs[i] < SPANS[1]:
                continue
            shift = (short - long) / known
            state.state[i] = next_state(state.state[i], shift, params.enter, params.leave)
            out[k, 1], out[k, 2], out[k, 3] = short / known, shift, state.state[i]
            why[k, 1] = why[k, 2] = why[k, 3] = standing(state.pairs[i] + 1, WARM_UP, params.converged)


_column = partial(
    Column,
    source="definition; Sharpe (1963), the market as an index",
    inputs=("log_return",),
    driver=Driver.BAR,
    window=0,
    warm_up=WARM_UP,
    oracle="naive, in long double",
    params={"short": SPANS[0], "long": SPANS[1], "least_rows": LEAST, "converged": CONVERGED},
    edges="no market at this bar time, or no move: undefined",
)
register(
    Group(
        name="correlation_regime",
        family=Family.REGIME,
        stage=Stage.CROSS,
        columns=(
            _column(
                "market_correlation_change",
                "c20 - c120, c = EMA(own * market) / sqrt(EMA(own ** 2) * EMA(market ** 2)) of log returns",
                unit="ratio",
                range=(-2.0, 2.0),
            ),
            _column(
                "average_market_correlation_20",
                "mean of c20 over the rows of the bar time",
                unit="ratio",
                range=(-1.0, 1.0),
            ),
            _column(
                "average_market_correlation_change",
                "mean of c20 - c120 over the rows of the bar time",
                unit="ratio",
                range=(-2.0, 2.0),
            ),
            _column(
                "correlation_state",
                "1 or -1 once |average_market_correlation_change| > 1 / (2 pi), until it falls below half; else 0",
                unit="state",
                range=(-1.0, 1.0),
                ties="average_market_correlation_change against 1 / (2 pi) and half of it",
            ),
        ),
        params=Params(LEAST, ENTER, ENTER / 2, CONVERGED, TIE * TIE),
        init=init,
        update=update,
    )
)
