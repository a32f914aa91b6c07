"""Close relative to its exponential moving average.

Seed:   mean of the first n closes, as TA-Lib; pandas' ewm differs until about 5 n bars.
Edges:  none.
Cost:   O(1) a bar, 2 numbers a series and span.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.inputs import BarInputs, History
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

SPANS = (10, 20, 50)


class Params(NamedTuple):
    spans: tuple[int, ...]


class State(NamedTuple):
    count: Int64  # (series,) closes seen
    mean: Float64  # (series, spans) quote currency


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    return State(np.zeros(series, np.int64), np.zeros((series, len(SPANS))))


WARMING_UP = int(Why.WARMING_UP)


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, close = bars.series[k], bars.close[k]
        state.count[i] += 1
        for j in range(len(params.spans)):
            span = params.spans[j]
            if state.count[i] <= span:
                state.mean[i, j] += (close - state.mean[i, j]) / state.count[i]
            else:
                state.mean[i, j] += 2.0 / (span + 1.0) * (close - state.mean[i, j])
            if state.count[i] < span:
                out[k, j], why[k, j] = np.nan, WARMING_UP
            else:
                out[k, j], why[k, j] = close / state.mean[i, j] - 1.0, 0


register(
    Group(
        name="ema_ratio",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=tuple(
            Column(
                name=f"ema_ratio_{span}",
                formula=f"close / EMA(close, {span}) - 1",
                source="TA-Lib EMA: alpha = 2 / (n + 1), seeded with the simple mean",
                inputs=("close",),
                driver=Driver.BAR,
                window=0,
                warm_up=span,
                unit="ratio",
                range=(-1.0, float("inf")),
                oracle="talib.EMA",
                params={"span": span},
            )
            for span in SPANS
        ),
        params=Params(SPANS),
        init=init,
        update=update,
    )
)
