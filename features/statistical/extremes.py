"""Highest and lowest close of the last bars: how far the last one is from them, how long ago they were, and falls.

Seed:   none.
Edges:  of equal highs (or lows) the latest counts; a dimension is undefined where nothing moved.
Cost:   O(1) amortised, 12 numbers a series and 120 for the deepest fall. A window is searched only when its highest bar
        leaves it; the deepest fall joins what was known of the bars before a lap with what is of those after it.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.statistical.falls import LAP, close_lap, deepest_fall
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

WINDOWS = (20, 60)
WIDTH = 4  # columns a window
DIMENSION = 1.0 / math.log(2.0 * (LAP - 1))
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    windows: tuple[int, ...]
    lap: int


class State(NamedTuple):
    high: Float64  # (series, windows) highest close of the window
    low: Float64  # (series, windows) lowest
    high_at: Int64  # (series, windows) n of its bar
    low_at: Int64  # (series, windows)
    highs: Float64  # (LAP, series) highest close from so many bars before the lap's end to it
    falls: Float64  # (LAP, series) deepest fall among them
    since: Float64  # (series, 3) highest and lowest close, deepest fall since the lap's end
    path: Float64  # (series,) sum of |moves| of the last LAP closes


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    windows, lap = (n, len(WINDOWS)), (LAP, n)
    high, low = np.zeros(windows), np.zeros(windows)
    high_at, low_at = np.zeros(windows, np.int64), np.zeros(windows, np.int64)
    return State(high, low, high_at, low_at, np.zeros(lap), np.zeros(lap), np.zeros((n, 3)), np.zeros(n))


@njit(cache=True, error_model="numpy")
def _highest(closes: Float64, i: int, n: int, window: int) -> int:
    best, high = 0, past(closes, i, n, 0)
    for lag in range(1, window):
        if (1.0 - TIE) * past(closes, i, n, lag) > high:
            best, high = lag, past(closes, i, n, lag)
    return n - best


@njit(cache=True, error_model="numpy")
def _lowest(closes: Float64, i: int, n: int, window: int) -> int:
    best, low = 0, past(closes, i, n, 0)
    for lag in range(1, window):
        if past(closes, i, n, lag) < (1.0 - TIE) * low:
            best, low = lag, past(closes, i, n, lag)
    return n - best


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    closes, at = history.close, len(WINDOWS) * WIDTH
    highs, lows, high_at, low_at, before, falls, since, path = state
    series, count = bars.series, bars.n
    for k in range(len(series)):
        i, n = series[k], count[k]
        close, high, low = past(closes, i, n, 0), 0.0, 0.0
        for j in range(len(WINDOWS)):
            window, first = WINDOWS[j], j * WIDTH
            high, low = highs[i, j], lows[i, j]
            if n == 1 or close >= (1.0 - TIE) * high:
                high_at[i, j], high = n, close
            elif n - high_at[i, j] >= window:
                high_at[i, j] = _highest(closes, i, n, window)
                high = past(closes, i, n, n - high_at[i, j])
            if n == 1 or (1.0 - TIE) * close <= low:
                low_at[i, j], low = n, close
            elif n - low_at[i, j] >= window:
                low_at[i, j] = _lowest(closes, i, n, window)
                low = past(closes, i, n, n - low_at[i, j])
            highs[i, j], lows[i, j] = high, low
            if n < window:
                out[k, first : first + WIDTH], why[k, first : first + WIDTH] = np.nan, WARMING_UP
                continue
            out[k, first], out[k, first + 1] = min((close - high) / high, 0.0), max((close - low) / low, 0.0)
            out[k, first + 2], out[k, first + 3] = n - high_at[i, j], n - low_at[i, j]
            for column in range(first, first + WIDTH):
                why[k, column] = 0
        if n < LAP:
            out[k, at:], why[k, at:] = np.nan, WARMING_UP
            continue
        if n % LAP == 0:
            close_lap(before, falls, since, i, n, closes)
        out[k, at], why[k, at] = -deepest_fall(before, falls, since, i, n, close), 0
        left = abs(past(closes, i, n, LAP - 1) - past(closes, i, n, LAP)) if n > LAP else 0.0
        path[i] += abs(close - past(closes, i, n, 1)) - left
        if n % LAP == 0 or left > 1024.0 * path[i]:
            path[i] = 0.0
            for lag in range(LAP - 1):
                path[i] += abs(past(closes, i, n, lag) - past(closes, i, n, lag + 1))
        span = high - low  # of the longer window, LAP closes
        if span <= TIE * close:
            out[k, at + 1], why[k, at + 1] = np.nan, EDGE
        else:
            out[k, at + 1] = 1.0 + math.log(max(path[i] / span, 1.0)) * DIMENSION
            why[k, at + 1] = 0


_column = partial(Column, inputs=("close",), driver=Driver.BAR, oracle="naive")


def _columns(window: int) -> tuple[Column, ...]:
    column = partial(_column, window=window, warm_up=window, params={"window": window})
    since = partial(column, unit="bars", range=(0.0, window - 1.0), ties="of equal closes the latest counts")
    return (
        column(
            f"drawdown_{window}", f"close / max(close, {window}) - 1", "definition", unit="ratio", range=(-1.0, 0.0)
        ),
        column(
            f"run_up_{window}",
            f"close / min(close, {window}) - 1",
            "definition",
            unit="ratio",
            range=(0.0, float("inf")),
        ),
        since(
            f"bars_since_high_{window}",
            f"bars since the highest of the last {window} closes",
            "as TA-Lib AROON's, of the close",
        ),
        since(
            f"bars_since_low_{window}",
            f"bars since the lowest of the last {window} closes",
            "as TA-Lib AROON's, of the close",
        ),
    )


register(
    Group(
        name="extremes",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=(
            *(column for window in WINDOWS for column in _columns(window)),
            _column(
                "max_drawdown_60",
                "least of close / highest close before it - 1, both of the last 60",
                "Magdon-Ismail and Atiya (2004)",
                window=LAP,
                warm_up=LAP,
                unit="ratio",
                range=(-1.0, 0.0),
                params={"window": LAP},
            ),
            _column(
                "path_dimension_60",
                "1 + log(sum of |moves| / (highest - lowest)) / log(2 * 59), of the last 60 closes",
                "Sevcik (1998), the path's length without its time",
                window=LAP,
                warm_up=LAP,
                unit="dimension",
                range=(1.0, 2.0),
                params={"window": LAP},
                edges="flat: undefined",
            ),
        ),
        params=Params(WINDOWS, LAP),
        init=init,
        update=update,
        version=3,
    )
)
