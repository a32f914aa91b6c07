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
SIZE = len(WINDOWS) * TERMS
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
    total = sums[i, at]
    return bool(total * total > far * (sums[i, at + 2] - total * total * (1.0 / window)))


@njit(cache=True, inline="always")
def _write(
    s: Float64, at: int, newest: float, time: int, window: int, out: Float64, why: UInt8, k: int, j: int
) -> None:
    """Write row k of one window from its sums `s[at ..]`, from column j on."""
    each, middle, spread_of_time = 1.0 / window, 0.5 * (window - 1.0), window * (window * window - 1.0) / 12.0
    mean = s[at] * each
    product = s[at + 1] - (time - middle) * s[at]
    spread = max(s[at + 2] - s[at] * mean, 0.0)
    slope = product * (1.0 / spread_of_time)
    left, above = max(spread - slope * product, 0.0), newest - mean
    out[k, j], out[k, j + 2] = slope, above - slope * middle
    out[k, j + 1] = math.sqrt(left * (1.0 / (window - 2.0)))
    for column in range(j, j + WIDTH):
        why[k, column] = 0
    if spread <= TIE * TIE:
        out[k, j + 3] = out[k, j + 4] = np.nan
        why[k, j + 3] = why[k, j + 4] = EDGE
    else:
        precise = 1.0 / spread
        out[k, j + 3] = min(slope * product * precise, 1.0)
        out[k, j + 4] = above * math.sqrt((window - 1.0) * precise)


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    came, gone, now = np.zeros(SIZE), np.zeros(SIZE), np.zeros(SIZE)
    sums, rests, newest, oldest, anchor = state
    returns, series, count, far = history.log_return, bars.series, bars.n, params.far
    for k in range(len(series)):
        i, n = series[k], count[k]
        for j in range(SIZE):
            came[j] = gone[j] = 0.0
        for j in range(len(WINDOWS)):
            at, window = j * TERMS, WINDOWS[j]
            if due(n, window - 1):
                _build(state, i, j, n, returns, window, came)
            elif n > window:
                time = n - anchor[i, j]
                _terms(oldest[i, j], time - window, at, gone)
                oldest[i, j] += past(returns, i, n, window - 1)
                newest[i, j] += past(returns, i, n, 0)
                _terms(newest[i, j], time, at, came)
        slide(sums, rests, i, came, gone)
        for j in range(len(WINDOWS)):
            if n > WINDOWS[j] and _far(sums, i, j * TERMS, WINDOWS[j], far):
                _build(state, i, j, n, returns, WINDOWS[j], came)
        for j in range(SIZE):
            now[j] = sums[i, j] + rests[i, j]
        for j in range(len(WINDOWS)):
            if n >= WINDOWS[j]:
                _write(now, j * TERMS, newest[i, j], n - anchor[i, j], WINDOWS[j], out, why, k, j * WIDTH)
            else:
                out[k, j * WIDTH : (j + 1) * WIDTH], why[k, j * WIDTH : (j + 1) * WIDTH] = np.nan, WARMING_UP


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
        version=3,
    )
)
