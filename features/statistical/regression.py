"""Straight line through the last log closes: slope, fit, what is left, and where the last close stands.

Seed:   none.
Edges:  R² and the z-score are undefined in a flat window (the slope is 0).
Cost:   O(1) a bar, 9 numbers a series and window: compensated sums of levels, which are log closes less the anchor's;
        the level that leaves the window is added up anew from the same returns in the same order. A new anchor is taken
        once a lap, and when the window has moved 32 deviations from it.
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
from features.statistical.sums import add, clear, due, slide
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

WINDOWS = (20, 60)
TERMS = 3  # sums a window: level, time * level, level²
WIDTH = 5  # columns a window
FAR = 1024.0  # squared deviations between anchor and window
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    windows: tuple[int, ...]
    far: float


class State(NamedTuple):
    sums: Float64  # (series, windows * TERMS)
    rests: Float64  # (series, windows * TERMS) what rounding took from them
    newest: Float64  # (series, windows) level of the last close
    oldest: Float64  # (series, windows) level of the first close of the window
    anchor: Int64  # (series, windows) n of the bar with level 0


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    terms, windows = (n, len(WINDOWS) * TERMS), (n, len(WINDOWS))
    return State(np.zeros(terms), np.zeros(terms), np.zeros(windows), np.zeros(windows), np.zeros(windows, np.int64))


@njit(cache=True, inline="always")
def _terms(level: float, time: int, at: int, terms: Float64) -> None:
    terms[at], terms[at + 1], terms[at + 2] = level, time * level, level * level


@njit(cache=True, error_model="numpy")
def _build(state: State, i: int, j: int, n: int, returns: Float64, window: int, terms: Float64) -> None:
    at, level = j * TERMS, 0.0
    for lag in range(window - 1):
        level -= past(returns, i, n, lag)
    clear(state.sums, state.rests, i, at, at + TERMS)
    state.oldest[i, j], state.anchor[i, j] = level, n
    for lag in range(window - 1, -1, -1):
        _terms(level, -lag, at, terms)
        add(state.sums, state.rests, i, at, at + TERMS, terms)
        if lag:
            level += past(returns, i, n, lag - 1)
    state.newest[i, j] = level
    terms[at : at + TERMS] = 0.0


@njit(cache=True, inline="always")
def _far(sums: Float64, i: int, at: int, window: int, far: float) -> bool:
    mean = sums[i, at] / window
    return bool(mean * mean * window > far * (sums[i, at + 2] - sums[i, at] * mean))


@njit(cache=True, error_model="numpy")
def _write(s: Float64, at: int, newest: float, time: int, window: int, out: Float64, why: UInt8) -> None:
    middle, spread_of_time = 0.5 * (window - 1.0), window * (window * window - 1.0) / 12.0
    mean = s[at] / window
    product = s[at + 1] - (time - middle) * s[at]
    spread = max(s[at + 2] - s[at] * mean, 0.0)
    slope = product / spread_of_time
    left = max(spread - slope * product, 0.0)
    out[0], out[1], out[2] = slope, math.sqrt(left / (window - 2.0)), newest - mean - slope * middle
    why[:] = 0
    if spread <= TIE * TIE:
        out[3:], why[3:] = np.nan, EDGE
    else:
        out[3], out[4] = min(slope * product / spread, 1.0), (newest - mean) / math.sqrt(spread / (window - 1.0))


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    size = len(params.windows) * TERMS
    entering, leaving, sums = np.zeros(size), np.zeros(size), np.zeros(size)
    returns = history.log_return
    for k in range(len(bars.series)):
        i, n, last = bars.series[k], bars.n[k], bars.log_return[k]
        for j in range(size):
            entering[j] = leaving[j] = 0.0
        for j in range(len(params.windows)):
            at, window = j * TERMS, params.windows[j]
            if due(n, window - 1):
                _build(state, i, j, n, returns, window, entering)
            elif n > window:
                time = n - state.anchor[i, j]
                _terms(state.oldest[i, j], time - window, at, leaving)
                state.oldest[i, j] += past(returns, i, n, window - 1)
                state.newest[i, j] += last
                _terms(state.newest[i, j], time, at, entering)
        slide(state.sums, state.rests, i, entering, leaving)
        for j in range(len(params.windows)):
            if n > params.windows[j] and _far(state.sums, i, j * TERMS, params.windows[j], params.far):
                _build(state, i, j, n, returns, params.windows[j], entering)
        for j in range(size):
            sums[j] = state.sums[i, j] + state.rests[i, j]
        for j in range(len(params.windows)):
            first, end, window = j * WIDTH, (j + 1) * WIDTH, params.windows[j]
            if n >= window:
                time = n - state.anchor[i, j]
                _write(sums, j * TERMS, state.newest[i, j], time, window, out[k, first:end], why[k, first:end])
            else:
                out[k, first:end], why[k, first:end] = np.nan, WARMING_UP


def _columns(window: int) -> tuple[Column, ...]:
    column = partial(
        Column, inputs=("close",), driver=Driver.BAR, window=window, warm_up=window, unit="log return", oracle="naive",
        range=(float("-inf"), float("inf")), params={"window": window},
    )  # fmt: skip
    line = f"the least-squares line through the last {window} log closes"
    farthest = (window - 1) / math.sqrt(window) + 1e-6
    return (
        column(
            f"slope_{window}",
            f"slope of {line}",
            "scipy.stats.linregress; TA-Lib LINEARREG_SLOPE, of the log close",
            unit="log return a bar",
        ),
        column(
            f"residual_deviation_{window}",
            f"sqrt(sum of squared distances from {line} / {window - 2})",
            "standard error of the regression; statsmodels OLS mse_resid",
            range=(0.0, float("inf")),
        ),
        column(
            f"line_gap_{window}",
            f"log close less the end of {line}",
            "TA-Lib LINEARREG, of the log close",
        ),
        column(
            f"r_squared_{window}",
            f"share of the variance of the last {window} log closes that lies on that line",
            "scipy.stats.linregress",
            unit="ratio",
            range=(0.0, 1.0),
            edges="flat: undefined",
        ),
        column(
            f"close_zscore_{window}",
            f"(log close - mean) / sample deviation of the last {window}",
            "scipy.stats.zscore, ddof 1",
            unit="deviations",
            range=(-farthest, farthest),
            edges="flat: undefined",
        ),
    )


register(
    Group(
        name="regression",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=tuple(column for window in WINDOWS for column in _columns(window)),
        params=Params(WINDOWS, FAR),
        init=init,
        update=update,
        version=2,
    )
)
