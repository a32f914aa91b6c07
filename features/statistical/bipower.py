"""How much of the variance of the last log returns is smooth and how much came in jumps.

Seed:   none.
Edges:  shares are undefined where nothing moved, the test also where no two returns in a row moved.
Cost:   O(1) a bar, 12 numbers a series and window: compensated sums of products of neighbours.
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

WINDOWS = (20, 60)
TERMS = 6  # sums a window: x², x⁴, |x y|, min(x, y)², median(x, y, z)², (|x y z|) ** (4 / 3)
WIDTH = 7  # columns a window
EDGE = int(Why.EDGE)
SMALLEST = math.pi / (math.pi - 2.0)
MIDDLE = math.pi / (6.0 - 4.0 * math.sqrt(3.0) + math.pi)
CUBE_MOMENT = 2.0 ** (2.0 / 3.0) * math.gamma(7.0 / 6.0) / math.gamma(0.5)  # mean of |z| ** (4 / 3), z normal
TRIPLE = CUBE_MOMENT**-3
NOISE = math.pi * math.pi / 4.0 + math.pi - 5.0


class Params(NamedTuple):
    windows: tuple[int, ...]


class State(NamedTuple):
    sums: Float64  # (series, windows * TERMS)
    rests: Float64  # (series, windows * TERMS) what rounding took from them


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros((n_symbols * n_timeframes, len(WINDOWS) * TERMS)) for _ in State._fields))


@njit(cache=True, error_model="numpy")
def _terms(single: float, x: float, y: float, z: float, at: int, terms: Float64) -> None:
    """Write the terms of a return that enters or leaves, and of the neighbours x, y, z that do (0 where none)."""
    x, y, z = abs(x), abs(y), abs(z)
    terms[at] = single * single
    terms[at + 1] = (single * single) * (single * single)
    terms[at + 2] = x * y
    least = min(x, y)
    middle = max(least, min(max(x, y), z))
    terms[at + 3], terms[at + 4] = least * least, middle * middle
    root = np.cbrt((x * z) * y)
    terms[at + 5] = (root * root) * (root * root)


@njit(cache=True, error_model="numpy")
def _build(state: State, i: int, n: int, returns: Float64, window: int, at: int, terms: Float64) -> None:
    clear(state.sums, state.rests, i, at, at + TERMS)
    for lag in range(window):
        x = past(returns, i, n, lag)
        y = past(returns, i, n, lag + 1) if lag + 1 < window else 0.0
        z = past(returns, i, n, lag + 2) if lag + 2 < window else 0.0
        _terms(x, x, y, z, at, terms)
        if lag + 2 >= window:
            terms[at + 4] = 0.0
        add(state.sums, state.rests, i, at, at + TERMS, terms)
    terms[at : at + TERMS] = 0.0


@njit(cache=True, error_model="numpy")
def _write(s: Float64, at: int, window: int, out: Float64, why: UInt8) -> None:
    """Write the columns of one window from its sums `s[at ..]`."""
    squares, quartic = max(s[at], 0.0), max(s[at + 1], 0.0)
    pairs, triple = max(s[at + 2], 0.0), max(s[at + 5], 0.0)
    smooth = 0.5 * math.pi * pairs
    tripower = window * TRIPLE * (window / (window - 2.0)) * triple
    out[0] = smooth
    out[2] = SMALLEST * (window / (window - 1.0)) * max(s[at + 3], 0.0)
    out[3] = MIDDLE * (window / (window - 2.0)) * max(s[at + 4], 0.0)
    out[4], out[5] = window / 3.0 * quartic, tripower
    why[:] = 0
    if squares <= TIE * TIE:
        out[1], why[1], out[6], why[6] = np.nan, EDGE, np.nan, EDGE
        return
    scaled = smooth * (window / (window - 1.0))
    jump = 1.0 - scaled / squares
    out[1] = jump
    if scaled <= TIE * math.sqrt(squares):
        out[6], why[6] = np.nan, EDGE
    else:
        out[6] = jump / math.sqrt(NOISE / window * max(1.0, tripower / (scaled * scaled)))


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    size = len(params.windows) * TERMS
    entering, leaving, sums, fresh = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(TERMS)
    returns = history.log_return
    for k in range(len(bars.series)):
        i, n, last = bars.series[k], bars.n[k], bars.log_return[k]
        for j in range(size):
            entering[j] = leaving[j] = 0.0
        if n > params.windows[0]:
            _terms(last, last, past(returns, i, n, 1), past(returns, i, n, 2), 0, fresh)
        for j in range(len(params.windows)):
            at, window = j * TERMS, params.windows[j]
            if due(n, window):
                _build(state, i, n, returns, window, at, entering)
            elif n > window:
                for term in range(TERMS):
                    entering[at + term] = fresh[term]
                x = past(returns, i, n, window)
                _terms(x, x, past(returns, i, n, window - 1), past(returns, i, n, window - 2), at, leaving)
        slide(state.sums, state.rests, i, entering, leaving)
        for j in range(len(params.windows)):
            if drowned(leaving[j * TERMS], state.sums[i, j * TERMS]):
                _build(state, i, n, returns, params.windows[j], j * TERMS, entering)
        for j in range(size):
            sums[j] = state.sums[i, j] + state.rests[i, j]
        for j in range(len(params.windows)):
            at, end = j * WIDTH, (j + 1) * WIDTH
            if n > params.windows[j]:
                _write(sums, j * TERMS, params.windows[j], out[k, at:end], why[k, at:end])
            else:
                out[k, at:end], why[k, at:end] = np.nan, WARMING_UP


def _columns(window: int) -> tuple[Column, ...]:
    column = partial(
        Column, inputs=("close",), driver=Driver.BAR, window=window + 1, warm_up=window + 1, oracle="naive",
        unit="squared log return", range=(0.0, float("inf")), params={"window": window},
    )  # fmt: skip
    last, robust = f"of the last {window} log returns", "Andersen, Dobrev and Schaumburg (2012)"
    return (
        column(
            f"bipower_variation_{window}",
            f"pi / 2 * sum of |log return| * |the one before|, {window - 1} products {last}",
            "Barndorff-Nielsen and Shephard (2004)",
        ),
        column(
            f"jump_share_{window}",
            f"1 - bipower variation * {window} / {window - 1} / sum of squares {last}",
            "Barndorff-Nielsen and Shephard (2004), relative jump",
            unit="share",
            range=(-2.0, 1.0),
            edges="no move: undefined",
        ),
        column(
            f"min_realized_variance_{window}",
            f"pi / (pi - 2) * {window} / {window - 1} * sum of min(|log return|, |the one before|) ** 2 {last}",
            robust,
        ),
        column(
            f"median_realized_variance_{window}",
            f"pi / (6 - 4 sqrt(3) + pi) * {window} / {window - 2} * sum of squared medians of three sizes {last}",
            robust,
        ),
        column(
            f"realized_quarticity_{window}",
            f"{window} / 3 * sum of fourth powers {last}",
            "Barndorff-Nielsen and Shephard (2002)",
            unit="log return ** 4",
        ),
        column(
            f"tripower_quarticity_{window}",
            f"{window} * m ** -3 * {window} / {window - 2} * sum of products of three sizes ** (4 / 3) {last}, "
            "m = mean of |normal| ** (4 / 3)",
            "Barndorff-Nielsen and Shephard (2006)",
            unit="log return ** 4",
        ),
        column(
            f"jump_statistic_{window}",
            f"jump share / sqrt((pi ** 2 / 4 + pi - 5) / {window} * max(1, tripower quarticity / bipower ** 2)) {last}",
            "Huang and Tauchen (2005), ratio test",
            unit="deviations",
            range=(float("-inf"), float("inf")),
            edges="no move, or no two bars in a row that moved: undefined",
        ),
    )


register(
    Group(
        name="bipower",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=tuple(column for window in WINDOWS for column in _columns(window)),
        params=Params(WINDOWS),
        init=init,
        update=update,
    )
)
