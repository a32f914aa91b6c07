"""Where the close stands in the range of the last bars: stochastic oscillator and Williams %R.

Seed:   none.
Edges:  undefined where the window's highest high is its lowest low (TA-Lib gives 0); %D where one of its three %K is.
Cost:   O(n) a bar, 3 numbers a series.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

WINDOW, SMOOTHING = 14, 3
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    window: int


class State(NamedTuple):
    defined: Int64  # (series,) bars in a row whose %K is defined
    last: Float64  # (series,) the last defined %K, percent
    before: Float64  # (series,) the one before it


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    return State(np.zeros(series, np.int64), np.zeros(series), np.zeros(series))


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        out[k, :], why[k, :] = np.nan, WARMING_UP
        if n < params.window:
            continue
        highest, lowest = bars.high[k], bars.low[k]
        for lag in range(1, params.window):
            highest = max(highest, past(history.high, i, n, lag))
            lowest = min(lowest, past(history.low, i, n, lag))
        if highest - lowest <= TIE * highest:
            state.defined[i] = 0
            why[k, 0] = why[k, 2] = EDGE
        else:
            position = 100.0 * ((close - lowest) / (highest - lowest))
            state.defined[i] += 1
            out[k, 0], why[k, 0] = position, 0
            out[k, 2], why[k, 2] = 100.0 * ((close - highest) / (highest - lowest)), 0
            if state.defined[i] >= SMOOTHING:
                out[k, 1] = (state.before[i] + state.last[i] + position) / SMOOTHING
            state.before[i], state.last[i] = state.last[i], position
        if n >= params.window + SMOOTHING - 1:
            why[k, 1] = 0 if state.defined[i] >= SMOOTHING else EDGE


_column = partial(
    Column,
    inputs=("high", "low", "close"),
    driver=Driver.BAR,
    unit="percent",
    params={"window": WINDOW},
    edges="flat: undefined",
)
register(
    Group(
        name="stochastic",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            _column(
                "stochastic_k_14",
                "100 * (close - lowest low) / (highest high - lowest low)",
                "Lane (1984); TA-Lib STOCHF",
                window=WINDOW,
                warm_up=WINDOW,
                range=(0.0, 100.0),
                oracle="talib.MAX, talib.MIN",
            ),
            _column(
                "stochastic_d_14_3",
                "mean of the last 3 stochastic_k_14",
                "Lane (1984); TA-Lib STOCHF",
                window=WINDOW + SMOOTHING - 1,
                warm_up=WINDOW + SMOOTHING - 1,
                range=(0.0, 100.0),
                oracle="talib.STOCHF",
            ),
            _column(
                "williams_r_14",
                "-100 * (highest high - close) / (highest high - lowest low)",
                "Williams (1973); TA-Lib WILLR",
                window=WINDOW,
                warm_up=WINDOW,
                range=(-100.0, 0.0),
                oracle="talib.WILLR",
            ),
        ),
        params=Params(WINDOW),
        init=init,
        update=update,
    )
)
