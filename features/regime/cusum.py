"""Cumulative sums of standardised returns: how much evidence there is that the mean has shifted, up or down.

Each log return is divided by the volatility known before it; `up` adds what exceeds the drift, `down` what falls short
of minus the drift, and neither falls below 0. The column is the larger of the two, negative for `down`.

Seed:   the variance starts with the mean of the first 20 squared returns; both sums with 0.
Edges:  undefined, and the sums stay, while the volatility is 0. When a sum reaches 5 deviations, that bar shows it
        and both start anew with the next.
Cost:   O(1) a bar, 3 numbers a series.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP, burn_in, standing
from features.inputs import BarInputs, History
from features.regime.volatility_rank import variance_after
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

SPAN, DRIFT, ALARM = 20, 0.5, 5.0
WARM_UP = SPAN + 2
CONVERGED = WARM_UP + burn_in(1 - 2 / (SPAN + 1), stages=2)
NEGLIGIBLE = TIE * TIE  # a squared return below it is none
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    span: int
    drift: float  # deviations a bar
    alarm: float  # deviations
    converged: int  # bars
    negligible: float


class State(NamedTuple):
    variance: Float64  # (series,) exponentially weighted mean of squared log returns
    up: Float64  # (series,) deviations
    down: Float64


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros(n_symbols * n_timeframes) for _ in State._fields))


@njit(cache=True)
def _add(state: State, i: int, deviations: float, params: Params) -> float:
    """Add a standardised return and return the larger sum, negative for `down`."""
    state.up[i] = max(state.up[i] + deviations - params.drift, 0.0)
    state.down[i] = max(state.down[i] - deviations - params.drift, 0.0)
    larger: float = state.up[i] if state.up[i] >= state.down[i] else -state.down[i]
    if abs(larger) >= params.alarm:
        state.up[i], state.down[i] = 0.0, 0.0
    return larger


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, n, change = bars.series[k], bars.n[k], bars.log_return[k]
        if n < params.span + 2:
            out[k, 0], why[k, 0] = np.nan, WARMING_UP
        elif state.variance[i] == 0.0:
            out[k, 0], why[k, 0] = np.nan, EDGE
        else:
            out[k, 0] = _add(state, i, change / math.sqrt(state.variance[i]), params)
            why[k, 0] = standing(n, params.span + 2, params.converged)
        if n > 1:
            state.variance[i] = variance_after(state.variance[i], change, n, params.span, params.negligible)


register(
    Group(
        name="cusum",
        family=Family.REGIME,
        stage=Stage.BARS,
        columns=(
            Column(
                name="cusum_return",
                formula="up = max(0, up + z - 0.5), down = max(0, down - z - 0.5), z = log return / sqrt(EMA of its "
                "squares, 20, up to the bar before); up if up >= down else -down; both 0 after 5",
                source="Page (1954), two-sided",
                inputs=("close",),
                driver=Driver.BAR,
                window=0,
                warm_up=WARM_UP,
                unit="deviations",
                range=(float("-inf"), float("inf")),
                oracle="naive",
                params={"span": SPAN, "drift": DRIFT, "alarm": ALARM, "converged": CONVERGED},
                edges="no volatility: undefined",
                ties="up >= down; a sum that reaches 5 starts anew",
            ),
        ),
        params=Params(SPAN, DRIFT, ALARM, CONVERGED, NEGLIGIBLE),
        init=init,
        update=update,
    )
)
