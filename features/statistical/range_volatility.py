"""Volatility a bar from open, high, low and close, and how the range goes with the return.

Seed:   none.
Edges:  bars without range count 0; a correlation is undefined where returns or ranges are equal (up to 1e-6 of their
        size), the ranges' variation where there are none.
Cost:   O(1) a bar, 98 numbers a series: a ring of each bar's logarithms, and compensated sums of their products.
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

WINDOW = 20
TERMS = 9  # sums: range, range², Rogers-Satchell, body, body², gap, gap², return², return * range
EDGE = int(Why.EDGE)
FOUR_LOG_2 = 4.0 * math.log(2.0)
EACH, FEWER = 1.0 / WINDOW, 1.0 / (WINDOW - 1.0)
WEIGHT = 0.34 / (1.34 + (WINDOW + 1.0) * FEWER)  # of the body in yang_zhang


class Params(NamedTuple):
    window: int
    flat: float


class State(NamedTuple):
    logs: Float64  # (WINDOW, 4, series) log(high / open), log(low / open), log(close / open), log return
    sums: Float64  # (series, TERMS)
    rests: Float64  # (series, TERMS) what rounding took from them


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(np.zeros((WINDOW, 4, n)), np.zeros((n, TERMS)), np.zeros((n, TERMS)))


@njit(cache=True, inline="always")
def _terms(up: float, down: float, body: float, change: float, terms: Float64) -> None:
    span, gap = up - down, change - body
    terms[0], terms[1] = span, span * span
    terms[2] = up * (up - body) + down * (down - body)
    terms[3], terms[4] = body, body * body
    terms[5], terms[6] = gap, gap * gap
    terms[7], terms[8] = change * change, change * span


@njit(cache=True, error_model="numpy")
def _build(logs: Float64, sums: Float64, rests: Float64, i: int, terms: Float64) -> None:
    clear(sums, rests, i, 0, TERMS)
    for slot in range(WINDOW):
        _terms(logs[slot, 0, i], logs[slot, 1, i], logs[slot, 2, i], logs[slot, 3, i], terms)
        add(sums, rests, i, 0, TERMS, terms)


@njit(cache=True, inline="always")
def _write(s: Float64, n: int, flat: float, out: Float64, why: UInt8, k: int) -> None:
    span, spans, satchell = s[0], max(s[1], 0.0), max(s[2], 0.0)
    bodies, gaps, squares = s[4], s[6], s[7]
    total = s[3] + s[5]  # of the returns
    for j in range(6):
        why[k, j] = 0
    out[k, 0] = math.sqrt(spans * (EACH / FOUR_LOG_2))
    out[k, 1] = math.sqrt(max(0.5 * spans - (0.5 * FOUR_LOG_2 - 1.0) * bodies, 0.0) * EACH)
    out[k, 2] = math.sqrt(satchell * EACH)
    spread = max(spans - span * span * EACH, 0.0)
    if span <= TIE:
        out[k, 3], why[k, 3] = np.nan, EDGE
    else:
        out[k, 3] = math.sqrt(spread * FEWER) / (span * EACH)
    if n == WINDOW:
        out[k, 4] = out[k, 5] = np.nan
        why[k, 4] = why[k, 5] = WARMING_UP
        return
    body_spread = max(bodies - s[3] * s[3] * EACH, 0.0)
    gap_spread = max(gaps - s[5] * s[5] * EACH, 0.0)
    out[k, 4] = math.sqrt((gap_spread + WEIGHT * body_spread) * FEWER + (1.0 - WEIGHT) * satchell * EACH)
    returns_spread = squares - total * total * EACH
    if returns_spread <= max(flat * squares, TIE * TIE) or spread <= max(flat * spans, TIE * TIE):
        out[k, 5], why[k, 5] = np.nan, EDGE
    else:
        out[k, 5] = (s[8] - total * span * EACH) / math.sqrt(returns_spread * spread)


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    logs, sums, rests, series, count = state.logs, state.sums, state.rests, bars.series, bars.n
    opens, highs, lows, closes, returns = bars.open, bars.high, bars.low, bars.close, bars.log_return
    came, left, now = np.zeros(TERMS), np.zeros(TERMS), np.zeros(TERMS)
    for k in range(len(series)):
        i, n, opened = series[k], count[k], opens[k]
        slot = n % WINDOW
        _terms(logs[slot, 0, i], logs[slot, 1, i], logs[slot, 2, i], logs[slot, 3, i], left)  # 0 while it fills
        up, down = near_log_ratio(highs[k], opened), near_log_ratio(lows[k], opened)
        body = near_log_ratio(closes[k], opened)
        change = returns[k] if n > 1 else body
        logs[slot, 0, i], logs[slot, 1, i], logs[slot, 2, i], logs[slot, 3, i] = up, down, body, change
        _terms(up, down, body, change, came)
        slide(sums, rests, i, came, left)
        if n < WINDOW:
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        if n & (RING - 1) == 0 or drowned(left[1] + left[6], sums[i, 1] + sums[i, 6]):
            _build(logs, sums, rests, i, came)
        for j in range(TERMS):
            now[j] = sums[i, j] + rests[i, j]
        _write(now, n, params.flat, out, why, k)


_column = partial(
    Column, inputs=("open", "high", "low", "close"), driver=Driver.BAR, window=WINDOW, warm_up=WINDOW,
    unit="log return", range=(0.0, float("inf")), oracle="naive", params={"window": WINDOW},
)  # fmt: skip
COLUMNS = (
    _column(
        "parkinson_20",
        "sqrt(mean(log(high / low) ** 2) / (4 log 2)) of the last 20 bars",
        "Parkinson (1980)",
        inputs=("high", "low"),
    ),
    _column(
        "garman_klass_20",
        "sqrt(mean(log(high / low) ** 2 / 2 - (2 log 2 - 1) * log(close / open) ** 2)) of the last 20 bars",
        "Garman and Klass (1980)",
    ),
    _column(
        "rogers_satchell_20",
        "sqrt(mean(log(high / open) * log(high / close) + log(low / open) * log(low / close))) of the last 20 bars",
        "Rogers and Satchell (1991)",
    ),
    _column(
        "range_variation_20",
        "sample deviation / mean of log(high / low) of the last 20 bars",
        "definition (coefficient of variation)",
        inputs=("high", "low"),
        unit="ratio",
        edges="no range: undefined",
    ),
    _column(
        "yang_zhang_20",
        "sqrt(var(log(open / close before)) + k * var(log(close / open)) + (1 - k) * rogers_satchell ** 2), "
        "k = 0.34 / (1.34 + 21 / 19), of the last 20 bars",
        "Yang and Zhang (2000)",
        window=WINDOW + 1,
        warm_up=WINDOW + 1,
    ),
    _column(
        "return_range_correlation_20",
        "correlation of log return and log(high / low) of the last 20 bars",
        "numpy.corrcoef",
        window=WINDOW + 1,
        warm_up=WINDOW + 1,
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
        columns=COLUMNS,
        params=Params(WINDOW, FLAT),
        init=init,
        update=update,
        version=3,
    )
)
