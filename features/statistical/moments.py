"""Moments of the last log returns: sum, deviation, skewness, kurtosis, both sides, and where the last one stands.

Seed:   none.
Edges:  undefined where the returns are equal (up to 1e-6 of their size), or, for shares, where nothing moved.
Cost:   O(1) a bar, 12 numbers a series and window: compensated sums of powers, built anew once a lap, and when a
        jump has left the window beside which the rest is small.
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
from features.statistical.sums import add, clear, drowned, due, slide
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

WINDOWS = (20, 60, 120)
FLAT = 1e-12  # squared spread beside squared size below which returns are equal but for rounding
POWERS = 6  # sums a window: x, x² above and below 0, x³, x⁴, |x|
WIDTH = 10  # columns a window
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    windows: tuple[int, ...]
    flat: float


class State(NamedTuple):
    sums: Float64  # (series, windows * POWERS)
    rests: Float64  # (series, windows * POWERS) what rounding took from them


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros((n_symbols * n_timeframes, len(WINDOWS) * POWERS)) for _ in State._fields))


@njit(cache=True, error_model="numpy")
def _powers(x: float, terms: Float64, at: int) -> None:
    square = x * x
    terms[at] = x
    up = 0.5 * (x + abs(x))
    terms[at + 1], terms[at + 2] = up * up, (x - up) * (x - up)
    terms[at + 3], terms[at + 4], terms[at + 5] = square * x, square * square, abs(x)


@njit(cache=True, error_model="numpy")
def _build(state: State, i: int, n: int, returns: Float64, window: int, at: int, terms: Float64) -> None:
    clear(state.sums, state.rests, i, at, at + POWERS)
    for lag in range(window):
        _powers(past(returns, i, n, lag), terms, at)
        add(state.sums, state.rests, i, at, at + POWERS, terms)
    terms[at : at + POWERS] = 0.0


@njit(cache=True, error_model="numpy")
def _write(s: Float64, at: int, last: float, window: float, flat: float, out: Float64, why: UInt8) -> None:
    """Write the columns of one window from its sums `s[at ..]`."""
    total, up, down, cubes, fourths, path = s[at], s[at + 1], s[at + 2], s[at + 3], s[at + 4], s[at + 5]
    each = 1.0 / window
    up, down = max(up, 0.0), max(down, 0.0)
    squares, mean = up + down, total * each
    variance = max((squares - total * mean) * each, 0.0)
    out[0] = total if abs(total) > TIE else 0.0
    out[1] = math.sqrt(variance * window / (window - 1.0))
    out[2], out[3] = math.sqrt(down * each), math.sqrt(up * each)
    why[:] = 0
    if squares > TIE * TIE:
        out[4], out[5] = down / squares, min(abs(total) / path, 1.0)
    else:
        out[4:6], why[4:6] = np.nan, EDGE
    if variance * window > max(flat * squares, TIE * TIE):
        scale, square = 1.0 / out[1], mean * mean
        precise = scale * scale * (window / (window - 1.0))  # 1 / variance
        third = (cubes - 3.0 * mean * squares) * each + 2.0 * mean * square
        fourth = (fourths - 4.0 * mean * cubes + 6.0 * square * squares) * each - 3.0 * square * square
        out[6] = third * precise * math.sqrt(precise)
        out[7] = fourth * precise * precise - 3.0
        out[8], out[9] = mean * scale, (last - mean) * scale
    else:
        out[6:], why[6:] = np.nan, EDGE


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    size = len(params.windows) * POWERS
    entering, leaving, sums = np.zeros(size), np.zeros(size), np.zeros(size)
    returns = history.log_return
    for k in range(len(bars.series)):
        i, n, last = bars.series[k], bars.n[k], bars.log_return[k]
        for j in range(size):
            entering[j] = leaving[j] = 0.0
        for j in range(len(params.windows)):
            window = params.windows[j]
            if due(n, window):
                _build(state, i, n, returns, window, j * POWERS, entering)
            elif n > window:
                _powers(last, entering, j * POWERS)
                _powers(past(returns, i, n, window), leaving, j * POWERS)
        slide(state.sums, state.rests, i, entering, leaving)
        for j in range(len(params.windows)):
            at = j * POWERS
            if drowned(leaving[at + 1] + leaving[at + 2], state.sums[i, at + 1] + state.sums[i, at + 2]):
                _build(state, i, n, returns, params.windows[j], at, entering)
        for j in range(size):
            sums[j] = state.sums[i, j] + state.rests[i, j]
        for j in range(len(params.windows)):
            at, end = j * WIDTH, (j + 1) * WIDTH
            if n > params.windows[j]:
                _write(sums, j * POWERS, last, params.windows[j], params.flat, out[k, at:end], why[k, at:end])
            else:
                out[k, at:end], why[k, at:end] = np.nan, WARMING_UP


def _columns(window: int) -> tuple[Column, ...]:
    column = partial(
        Column, inputs=("close",), driver=Driver.BAR, window=window + 1, warm_up=window + 1, unit="log return",
        range=(0.0, float("inf")), oracle="naive", params={"window": window},
    )  # fmt: skip
    signed, still, equal = (float("-inf"), float("inf")), "no move: undefined", "equal returns: undefined"
    farthest = (window - 1) / math.sqrt(window) + 1e-6
    semi = "Barndorff-Nielsen, Kinnebrock and Shephard (2010)"
    return (
        column(f"return_{window}", f"log(close / close {window} bars ago)", "definition", range=signed),
        column(f"volatility_{window}", f"sample deviation (ddof 1) of the last {window} log returns", "numpy.std"),
        column(f"downside_semivolatility_{window}", f"sqrt(mean(min(log return, 0) ** 2)) of the last {window}", semi),
        column(f"upside_semivolatility_{window}", f"sqrt(mean(max(log return, 0) ** 2)) of the last {window}", semi),
        column(
            f"downside_share_{window}", f"share of falls in the sum of the last {window} squared log returns", semi,
            unit="share", range=(0.0, 1.0), edges=still,
        ),
        column(
            f"efficiency_ratio_{window}", f"|sum| / sum of sizes of the last {window} log returns",
            "Kaufman (1995), of the log close", unit="ratio", range=(0.0, 1.0), edges=still,
        ),
        column(
            f"skewness_{window}", f"third central moment / variance ** 1.5 of the last {window} log returns",
            "scipy.stats.skew, biased", unit="ratio", range=(-math.sqrt(window), math.sqrt(window)),
            oracle="scipy.stats.skew", edges=equal,
        ),
        column(
            f"kurtosis_{window}", f"fourth central moment / variance ** 2 - 3 of the last {window} log returns",
            "scipy.stats.kurtosis, biased", unit="ratio", range=(-2.0 - 1e-6, float(window)),
            oracle="scipy.stats.kurtosis", edges=equal,
        ),
        column(
            f"sharpe_{window}", f"mean / sample deviation of the last {window} log returns", "Sharpe (1994), a bar",
            unit="deviations", range=signed, edges=equal,
        ),
        column(
            f"zscore_{window}", f"(log return - mean) / sample deviation of the last {window}",
            "scipy.stats.zscore, ddof 1", unit="deviations", range=(-farthest, farthest), edges=equal,
        ),
    )  # fmt: skip


register(
    Group(
        name="moments",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=tuple(column for window in WINDOWS for column in _columns(window)),
        params=Params(WINDOWS, FLAT),
        init=init,
        update=update,
        version=2,
    )
)
