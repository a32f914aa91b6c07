"""Volatility a bar from open, high, low and close, and how the range goes with the return.

Seed:   none.
Edges:  bars without range count 0; a correlation is undefined where returns or ranges are equal (up to 1e-6 of their
        size), the ranges' variation where there are none.
Cost:   O(1) a bar, 276 numbers a series: a ring of each bar's logarithms, and compensated sums of their products.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import RING, BarInputs, History
from features.statistical.logs import near_log_ratio
from features.statistical.moments import FLAT
from features.statistical.sums import add, clear, drowned, slide
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

WINDOWS = (20, 60)
LONG = 60
TERMS = 9  # sums a window: range, range², Rogers-Satchell, body, body², gap, gap², return², return * range
WIDTH = 6  # columns a window
EDGE = int(Why.EDGE)
FOUR_LOG_2 = 4.0 * math.log(2.0)


class Params(NamedTuple):
    windows: tuple[int, ...]
    flat: float


class State(NamedTuple):
    logs: Float64  # (series, LONG, 4) log(high / open), log(low / open), log(close / open), log return
    sums: Float64  # (series, windows * TERMS)
    rests: Float64  # (series, windows * TERMS) what rounding took from them


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(np.zeros((n, LONG, 4)), *(np.zeros((n, len(WINDOWS) * TERMS)) for _ in range(2)))


@njit(cache=True, error_model="numpy")
def _terms(logs: Float64, i: int, slot: int, at: int, terms: Float64) -> None:
    up, down, body, change = logs[i, slot, 0], logs[i, slot, 1], logs[i, slot, 2], logs[i, slot, 3]
    span, gap = up - down, change - body
    terms[at], terms[at + 1] = span, span * span
    terms[at + 2] = up * (up - body) + down * (down - body)
    terms[at + 3], terms[at + 4] = body, body * body
    terms[at + 5], terms[at + 6] = gap, gap * gap
    terms[at + 7], terms[at + 8] = change * change, change * span


@njit(cache=True, error_model="numpy")
def _build(state: State, i: int, n: int, window: int, at: int, terms: Float64) -> None:
    clear(state.sums, state.rests, i, at, at + TERMS)
    for lag in range(window):
        _terms(state.logs, i, (n - lag) % LONG, at, terms)
        add(state.sums, state.rests, i, at, at + TERMS, terms)


@njit(cache=True, error_model="numpy")
def _write(s: Float64, at: int, window: int, n: int, flat: float, out: Float64, why: UInt8) -> None:
    each, fewer = 1.0 / window, 1.0 / (window - 1.0)
    span, spans, satchell = s[at], max(s[at + 1], 0.0), max(s[at + 2], 0.0)
    bodies, gaps, squares = s[at + 4], s[at + 6], s[at + 7]
    total = s[at + 3] + s[at + 5]  # of the returns
    out[0] = math.sqrt(spans * each / FOUR_LOG_2)
    out[1] = math.sqrt(max(0.5 * spans - (0.5 * FOUR_LOG_2 - 1.0) * bodies, 0.0) * each)
    out[2] = math.sqrt(satchell * each)
    why[:] = 0
    spread = max(spans - span * span * each, 0.0)
    if span <= TIE:
        out[3], why[3] = np.nan, EDGE
    else:
        out[3] = math.sqrt(spread * fewer) / (span * each)
    if n == window:
        out[4:], why[4:] = np.nan, WARMING_UP
        return
    weight = 0.34 / (1.34 + (window + 1.0) * fewer)
    body_spread = max(bodies - s[at + 3] * s[at + 3] * each, 0.0)
    gap_spread = max(gaps - s[at + 5] * s[at + 5] * each, 0.0)
    out[4] = math.sqrt((gap_spread + weight * body_spread) * fewer + (1.0 - weight) * satchell * each)
    returns_spread = squares - total * total * each
    if returns_spread <= max(flat * squares, TIE * TIE) or spread <= max(flat * spans, TIE * TIE):
        out[5], why[5] = np.nan, EDGE
    else:
        out[5] = (s[at + 8] - total * span * each) / math.sqrt(returns_spread * spread)


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    size = len(params.windows) * TERMS
    entering, leaving, sums, logs = np.zeros(size), np.zeros(size), np.zeros(size), state.logs
    for k in range(len(bars.series)):
        i, n, opened = bars.series[k], bars.n[k], bars.open[k]
        slot = n % LONG
        for j in range(len(params.windows)):
            if n > params.windows[j]:
                _terms(logs, i, (n - params.windows[j]) % LONG, j * TERMS, leaving)
            else:
                leaving[j * TERMS : (j + 1) * TERMS] = 0.0
        logs[i, slot, 0] = near_log_ratio(bars.high[k], opened)
        logs[i, slot, 1] = near_log_ratio(bars.low[k], opened)
        logs[i, slot, 2] = near_log_ratio(bars.close[k], opened)
        logs[i, slot, 3] = bars.log_return[k] if n > 1 else logs[i, slot, 2]
        _terms(logs, i, slot, 0, entering)
        for j in range(1, len(params.windows)):
            for term in range(TERMS):
                entering[j * TERMS + term] = entering[term]
        slide(state.sums, state.rests, i, entering, leaving)
        for j in range(len(params.windows)):
            at, window = j * TERMS, params.windows[j]
            left, stays = leaving[at + 1] + leaving[at + 6], state.sums[i, at + 1] + state.sums[i, at + 6]
            if n >= window and (n & (RING - 1) == 0 or drowned(left, stays)):
                _build(state, i, n, window, at, entering)
        for j in range(size):
            sums[j] = state.sums[i, j] + state.rests[i, j]
        for j in range(len(params.windows)):
            at, end = j * WIDTH, (j + 1) * WIDTH
            if n >= params.windows[j]:
                _write(sums, j * TERMS, params.windows[j], n, params.flat, out[k, at:end], why[k, at:end])
            else:
                out[k, at:end], why[k, at:end] = np.nan, WARMING_UP


def _columns(window: int) -> tuple[Column, ...]:
    column = partial(
        Column, inputs=("open", "high", "low", "close"), driver=Driver.BAR, window=window, warm_up=window,
        unit="log return", range=(0.0, float("inf")), oracle="naive", params={"window": window},
    )  # fmt: skip
    last = f"of the last {window} bars"
    return (
        column(
            f"parkinson_{window}",
            f"sqrt(mean(log(high / low) ** 2) / (4 log 2)) {last}",
            "Parkinson (1980)",
            inputs=("high", "low"),
        ),
        column(
            f"garman_klass_{window}",
            f"sqrt(mean(log(high / low) ** 2 / 2 - (2 log 2 - 1) * log(close / open) ** 2)) {last}",
            "Garman and Klass (1980)",
        ),
        column(
            f"rogers_satchell_{window}",
            "sqrt(mean(log(high / open) * log(high / close) + log(low / open) * log(low / close))) " + last,
            "Rogers and Satchell (1991)",
        ),
        column(
            f"range_variation_{window}",
            f"sample deviation / mean of log(high / low) {last}",
            "definition (coefficient of variation)",
            inputs=("high", "low"),
            unit="ratio",
            edges="no range: undefined",
        ),
        column(
            f"yang_zhang_{window}",
            "sqrt(var(log(open / close before)) + k * var(log(close / open)) + (1 - k) * rogers_satchell ** 2), "
            f"k = 0.34 / (1.34 + {window + 1} / {window - 1}), {last}",
            "Yang and Zhang (2000)",
            window=window + 1,
            warm_up=window + 1,
        ),
        column(
            f"return_range_correlation_{window}",
            f"correlation of log return and log(high / low) {last}",
            "numpy.corrcoef",
            window=window + 1,
            warm_up=window + 1,
            unit="correlation",
            range=(-1.0 - 1e-6, 1.0 + 1e-6),
            edges="equal returns or ranges: undefined",
        ),
    )


register(
    Group(
        name="range_volatility",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=tuple(column for window in WINDOWS for column in _columns(window)),
        params=Params(WINDOWS, FLAT),
        init=init,
        update=update,
        version=2,
    )
)
