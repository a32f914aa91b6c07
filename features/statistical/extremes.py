"""Fall from the highest close of the last bars, and how long ago that was.

Seed:   none.
Edges:  of equal highs the latest counts.
Cost:   O(1) amortised, 1 number a series: which bar had the highest close. The window is searched only when that bar
        leaves it.
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
from schema.ticks import Float64, Int64, UInt8

WINDOW = 60


class Params(NamedTuple):
    window: int


class State(NamedTuple):
    highest: Int64  # (series,) n of the bar with the highest close of the window, 0 before the first


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(np.zeros(n_symbols * n_timeframes, np.int64))


@njit(cache=True)
def _searched(closes: Float64, i: int, n: int, window: int) -> int:
    best = 0
    for lag in range(1, window):
        if (1.0 - TIE) * past(closes, i, n, lag) > past(closes, i, n, best):
            best = lag
    return n - best


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        if n == 1 or close >= (1.0 - TIE) * past(history.close, i, n, n - state.highest[i]):
            state.highest[i] = n
        elif n - state.highest[i] >= params.window:
            state.highest[i] = _searched(history.close, i, n, params.window)
        if n < params.window:
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        since = n - state.highest[i]
        highest = past(history.close, i, n, since)
        out[k, 0], out[k, 1] = min((close - highest) / highest, 0.0), since
        why[k, :] = 0


_column = partial(
    Column,
    inputs=("close",),
    driver=Driver.BAR,
    window=WINDOW,
    warm_up=WINDOW,
    oracle="naive",
    params={"window": WINDOW},
)
register(
    Group(
        name="extremes",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=(
            _column("drawdown_60", "close / max(close, 60) - 1", "definition", unit="ratio", range=(-1.0, 0.0)),
            _column(
                "bars_since_high_60",
                "bars since the highest of the last 60 closes",
                "as TA-Lib AROON's, of the close",
                unit="bars",
                range=(0.0, WINDOW - 1.0),
                ties="of equal closes the latest counts",
            ),
        ),
        params=Params(WINDOW),
        init=init,
        update=update,
    )
)
