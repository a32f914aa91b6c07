"""Close relative to its simple moving average.

Seed:   none: the first value is the first full window's.
Edges:  none.
Cost:   O(1) a bar, 1 number a series and window: the sum of (this close - close in the window), so that moves of 0.01
        at 60,000 keep their digits. It slides by changes and is summed anew every n-th bar.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from schema.ticks import Float64, UInt8

WINDOWS = (5, 10, 20, 50)


class Params(NamedTuple):
    windows: tuple[int, ...]


class State(NamedTuple):
    above: Float64  # (series, windows) sum of this close minus each close of the window, quote currency


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(np.zeros((n_symbols * n_timeframes, len(WINDOWS))))


@njit(cache=True)
def _summed(closes: Float64, i: int, n: int, window: int) -> float:
    total, close = 0.0, past(closes, i, n, 0)
    for lag in range(1, window):
        total += close - past(closes, i, n, lag)
    return total


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        for j in range(len(params.windows)):
            window = params.windows[j]
            if n < window:
                out[k, j], why[k, j] = np.nan, WARMING_UP
                continue
            if n % window == 0:
                state.above[i, j] = _summed(history.close, i, n, window)
            else:
                state.above[i, j] += window * (close - bars.previous_close[k])
                state.above[i, j] -= close - past(history.close, i, n, window)
            deviation = state.above[i, j] / window
            out[k, j], why[k, j] = deviation / (close - deviation), 0


register(
    Group(
        name="sma_ratio",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=tuple(
            Column(
                name=f"sma_ratio_{window}",
                formula=f"close / mean(close, {window}) - 1",
                source="TA-Lib SMA",
                inputs=("close",),
                driver=Driver.BAR,
                window=window,
                warm_up=window,
                unit="ratio",
                range=(-1.0, float("inf")),
                oracle="talib.SMA",
                params={"window": window},
            )
            for window in WINDOWS
        ),
        params=Params(WINDOWS),
        init=init,
        update=update,
    )
)
