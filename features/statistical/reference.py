"""Return of the reference price (mid where there is one, else the close) and its volatility: what labels are made of.

Seed:   the squares' weighted mean divides by the weights given so far (pandas' ewm with adjust=True), so that 20
        returns suffice; it has converged when bars before the first would have weighed less than 1e-9.
Edges:  none. A reference that never moved has volatility 0; models divide by it only where it is positive.
Cost:   O(1) a bar, 2 numbers a series.
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
from schema.ticks import Float64, UInt8

SPAN, WARM_UP = 60, 21
CONVERGED = 1 + burn_in(1 - 2 / (SPAN + 1))
NEGLIGIBLE = 1e-60  # a squared return


class Params(NamedTuple):
    span: int
    warm_up: int
    converged: int  # bars
    negligible: float


class State(NamedTuple):
    weight: Float64  # (series,) sum of the squares' weights
    squares: Float64  # (series,) weighted sum of squared returns


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros(n_symbols * n_timeframes) for _ in State._fields))


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    keep = 1.0 - 2.0 / (params.span + 1.0)
    for k in range(len(bars.series)):
        i, n, change = bars.series[k], bars.n[k], bars.reference_return[k]
        if n == 1:
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        state.weight[i] = state.weight[i] * keep + 1.0
        squares = state.squares[i] * keep + change * change
        state.squares[i] = squares if squares > params.negligible else 0.0
        out[k, 0], why[k, 0] = change, 0
        out[k, 1] = math.sqrt(state.squares[i] / state.weight[i]) if n >= params.warm_up else np.nan
        why[k, 1] = standing(n, params.warm_up, params.converged)


_column = partial(Column, inputs=("mid", "close"), driver=Driver.BAR, unit="log return")
register(
    Group(
        name="reference",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=(
            _column(
                "reference_return_1",
                "log(reference / reference of the bar before)",
                "definition",
                window=2,
                warm_up=2,
                range=(float("-inf"), float("inf")),
                oracle="naive",
            ),
            _column(
                "reference_volatility_60",
                "square root of the exponentially weighted mean (span 60, mean taken as 0) of reference_return_1 ** 2",
                "J.P. Morgan RiskMetrics (1996) with alpha = 2 / (60 + 1); pandas ewm(span=60, adjust=True)",
                window=0,
                warm_up=WARM_UP,
                range=(0.0, float("inf")),
                oracle="pandas.Series.ewm",
                params={"span": SPAN, "converged": CONVERGED},
            ),
        ),
        params=Params(SPAN, WARM_UP, CONVERGED, NEGLIGIBLE),
        init=init,
        update=update,
    )
)
