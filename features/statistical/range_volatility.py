"""Volatility a bar from open, high, low and close: Parkinson and Garman-Klass.

Seed:   none.
Edges:  none (bars without range count 0).
Cost:   O(n) a bar, 2 n numbers a series: each bar's logarithms are taken once, the window is summed anew, so that a
        wide bar leaves no trace once it is out of it.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.bar_inputs import log_ratio
from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History
from schema.ticks import Float64, UInt8

WINDOW = 20


class Params(NamedTuple):
    window: int


class State(NamedTuple):
    range: Float64  # (series, WINDOW) log(high / low) ** 2
    body: Float64  # (series, WINDOW) log(close / open) ** 2


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros((n_symbols * n_timeframes, WINDOW)) for _ in State._fields))


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window = params.window
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        span, body = log_ratio(bars.high[k], bars.low[k]), log_ratio(bars.close[k], bars.open[k])
        state.range[i, n % window], state.body[i, n % window] = span * span, body * body
        if n < window:
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        ranges = bodies = 0.0
        for slot in range(window):
            ranges += state.range[i, slot]
            bodies += state.body[i, slot]
        out[k, 0] = math.sqrt(ranges / (4.0 * math.log(2.0) * window))
        out[k, 1] = math.sqrt((0.5 * ranges - (2.0 * math.log(2.0) - 1.0) * bodies) / window)
        why[k, :] = 0


_column = partial(
    Column,
    driver=Driver.BAR,
    window=WINDOW,
    warm_up=WINDOW,
    unit="log return",
    range=(0.0, float("inf")),
    oracle="naive",
    params={"window": WINDOW},
)
register(
    Group(
        name="range_volatility",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=(
            _column(
                "parkinson_20",
                "sqrt(mean(log(high / low) ** 2) / (4 log 2)) of the last 20 bars",
                "Parkinson (1980)",
                ("high", "low"),
            ),
            _column(
                "garman_klass_20",
                "sqrt(mean(log(high / low) ** 2 / 2 - (2 log 2 - 1) * log(close / open) ** 2)) of the last 20 bars",
                "Garman and Klass (1980)",
                ("open", "high", "low", "close"),
            ),
        ),
        params=Params(WINDOW),
        init=init,
        update=update,
    )
)
