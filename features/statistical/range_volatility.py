"""Volatility a bar from open, high, low and close.

Seed:   none.
Edges:  bars without range count 0.
Cost:   O(1) a bar, 96 numbers a series: a ring of each bar's logarithms, and compensated sums of their products.
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
from features.statistical.sums import add, clear, drowned, slide
from schema.ticks import Float64, UInt8

WINDOW = 20
TERMS = 8  # sums: range², Rogers-Satchell, body, body², gap, gap²; two fill vectors up
FOUR_LOG_2 = 4.0 * math.log(2.0)
EACH, FEWER = 1.0 / WINDOW, 1.0 / (WINDOW - 1.0)
WEIGHT = 0.34 / (1.34 + (WINDOW + 1.0) * FEWER)  # of the body in yang_zhang


class Params(NamedTuple):
    window: int


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
    terms[0], terms[1] = span * span, up * (up - body) + down * (down - body)
    terms[2], terms[3] = body, body * body
    terms[4], terms[5] = gap, gap * gap


@njit(cache=True, error_model="numpy")
def _build(logs: Float64, sums: Float64, rests: Float64, i: int, terms: Float64) -> None:
    clear(sums, rests, i, 0, TERMS)
    for slot in range(WINDOW):
        _terms(logs[slot, 0, i], logs[slot, 1, i], logs[slot, 2, i], logs[slot, 3, i], terms)
        add(sums, rests, i, 0, TERMS, terms)


@njit(cache=True, inline="always")
def _write(s: Float64, n: int, out: Float64, why: UInt8, k: int) -> None:
    spans, satchell, bodies, gaps = max(s[0], 0.0), max(s[1], 0.0), s[3], s[5]
    for j in range(4):
        why[k, j] = 0
    out[k, 0] = math.sqrt(spans * (EACH / FOUR_LOG_2))
    out[k, 1] = math.sqrt(max(0.5 * spans - (0.5 * FOUR_LOG_2 - 1.0) * bodies, 0.0) * EACH)
    out[k, 2] = math.sqrt(satchell * EACH)
    if n == WINDOW:
        out[k, 3], why[k, 3] = np.nan, WARMING_UP
        return
    body_spread = max(bodies - s[2] * s[2] * EACH, 0.0)
    gap_spread = max(gaps - s[4] * s[4] * EACH, 0.0)
    out[k, 3] = math.sqrt((gap_spread + WEIGHT * body_spread) * FEWER + (1.0 - WEIGHT) * satchell * EACH)


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
        if n & (RING - 1) == 0 or drowned(left[0] + left[5], sums[i, 0] + sums[i, 5]):
            _build(logs, sums, rests, i, came)
        for j in range(TERMS):
            now[j] = sums[i, j] + rests[i, j]
        _write(now, n, out, why, k)


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
        "yang_zhang_20",
        "sqrt(var(log(open / close before)) + k * var(log(close / open)) + (1 - k) * rogers_satchell ** 2), "
        "k = 0.34 / (1.34 + 21 / 19), of the last 20 bars",
        "Yang and Zhang (2000)",
        window=WINDOW + 1,
        warm_up=WINDOW + 1,
    ),
)


register(
    Group(
        name="range_volatility",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=COLUMNS,
        params=Params(WINDOW),
        init=init,
        update=update,
        version=4,
    )
)
