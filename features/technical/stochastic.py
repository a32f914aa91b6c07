"""Where the close stands in the range of the last bars: stochastic, Williams %R and Aroon.

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
    return State(np.zeros(series, np.int64), *(np.zeros(series) for _ in State._fields[1:]))


@njit(cache=True, inline="always")
def _extremes(highs: Float64, lows: Float64, i: int, n: int) -> tuple[float, float, int, int]:
    """Return the last WINDOW's highest high and lowest low, and how many bars ago WINDOW + 1 had theirs last."""
    highest, lowest = past(highs, i, n, 0), past(lows, i, n, 0)
    tie = TIE * highest
    for lag in range(1, WINDOW):
        high, low = past(highs, i, n, lag), past(lows, i, n, lag)
        highest, lowest = high if high > highest else highest, low if low < lowest else lowest
    top = max(highest, past(highs, i, n, WINDOW)) - tie
    bottom = min(lowest, past(lows, i, n, WINDOW)) + tie
    high_ago = low_ago = WINDOW
    for lag in range(WINDOW - 1, -1, -1):
        high_ago = lag if past(highs, i, n, lag) >= top else high_ago
        low_ago = lag if past(lows, i, n, lag) <= bottom else low_ago
    return highest, lowest, high_ago, low_ago


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    highs, lows = history.high, history.low
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        for j in range(6):
            out[k, j], why[k, j] = np.nan, WARMING_UP
        if n < params.window:
            continue
        highest, lowest, high_ago, low_ago = _extremes(highs, lows, i, n)
        if n > params.window:
            out[k, 3] = 100.0 * (WINDOW - high_ago) / WINDOW
            out[k, 4] = 100.0 * (WINDOW - low_ago) / WINDOW
            out[k, 5] = 100.0 * (low_ago - high_ago) / WINDOW
            why[k, 3] = why[k, 4] = why[k, 5] = 0
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


_aroon = partial(
    Column,
    source="Chande (1995); TA-Lib AROON",
    inputs=("high", "low"),
    driver=Driver.BAR,
    window=WINDOW + 1,
    warm_up=WINDOW + 1,
    unit="percent",
    range=(0.0, 100.0),
    oracle="talib.AROON",
    params={"window": WINDOW},
    ties="equal highs or lows (within 1e-12 of the price): the last counts, as TA-Lib",
)
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
            _aroon("aroon_up_14", "100 * (14 - bars since the highest high of the last 15 bars) / 14"),
            _aroon("aroon_down_14", "100 * (14 - bars since the lowest low of the last 15 bars) / 14"),
            _aroon("aroon_oscillator_14", "aroon_up_14 - aroon_down_14", range=(-100.0, 100.0)),
        ),
        params=Params(WINDOW),
        init=init,
        update=update,
        version=2,
    )
)
