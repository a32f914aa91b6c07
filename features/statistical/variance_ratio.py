"""Variance of overlapping sums of returns beside that of single ones, and the Hurst exponent that they give.

Seed:   none.
Edges:  undefined where the returns are equal (up to 1e-6 of their size); the exponent also where a sum of several
        never varies.
Cost:   O(1) a bar, 16 numbers a series and window: compensated sums of squared sums; a sum of ten is added up in the
        same order when it enters and when it leaves.
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
from features.statistical.moments import FLAT
from features.statistical.sums import add, clear, drowned, due, slide
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

WINDOWS = (60, 120)
HOLDING = (2, 5, 10)  # returns that are added up
TERMS = 8  # sums a window: x, x², and the squared sum of each of HOLDING; the rest fills vectors up
WIDTH = 3  # columns a window
EDGE = int(Why.EDGE)
LOGS = tuple(math.log(q) for q in (1, *HOLDING))
CENTRE = sum(LOGS) / 4.0
LEVERS = tuple((log - CENTRE) / sum((other - CENTRE) ** 2 for other in LOGS) for log in LOGS)


class Params(NamedTuple):
    windows: tuple[int, ...]
    holding: tuple[int, ...]
    levers: tuple[float, ...]  # what a log variance counts in the slope over the log of its holding
    flat: float


class State(NamedTuple):
    sums: Float64  # (series, windows * TERMS)
    rests: Float64  # (series, windows * TERMS) what rounding took from them


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros((n_symbols * n_timeframes, len(WINDOWS) * TERMS)) for _ in State._fields))


@njit(cache=True, error_model="numpy")
def _terms(x: float, held: Float64, at: int, terms: Float64) -> None:
    """Write the terms of a return x and the sums of 2, 5 and 10 that enter or leave with it."""
    terms[at], terms[at + 1] = x, x * x
    for j in range(3):
        terms[at + 2 + j] = held[j] * held[j]


@njit(cache=True, error_model="numpy")
def _held(returns: Float64, i: int, n: int, newest: int, most: int, held: Float64, begun: Float64) -> None:
    """Add up the 2, 5 and 10 returns that begin `newest` bars ago and go back, 0 for more than `most`; note 1 .. 9."""
    total = 0.0
    held[:] = 0.0
    for lag in range(min(most, 10)):
        total += past(returns, i, n, newest + lag)
        if lag < 9:
            begun[1 + lag] = total
        if lag == 1:
            held[0] = total
        elif lag == 4:
            held[1] = total
        elif lag == 9:
            held[2] = total


@njit(cache=True, error_model="numpy")
def _build(state: State, i: int, n: int, returns: Float64, window: int, at: int, terms: Float64) -> None:
    clear(state.sums, state.rests, i, at, at + TERMS)
    held, begun = np.zeros(3), np.zeros(HOLDING[2])
    for lag in range(window):
        _held(returns, i, n, lag, window - lag, held, begun)
        _terms(past(returns, i, n, lag), held, at, terms)
        add(state.sums, state.rests, i, at, at + TERMS, terms)
    terms[at : at + TERMS] = 0.0


@njit(cache=True, error_model="numpy")
def _leaving(returns: Float64, i: int, n: int, window: int, at: int, terms: Float64, ends: Float64) -> None:
    """Write the terms that leave, the sums that end q - 1 bars after the return that left, and note the oldest ends."""
    x, two, five, ten, oldest = past(returns, i, n, window), 0.0, 0.0, 0.0, 0.0
    for lag in range(HOLDING[2] - 1, -1, -1):
        value = past(returns, i, n, window - lag)
        ten += value
        if lag < 5:
            five += value
        if lag < 2:
            two += value
    for lag in range(1, HOLDING[2]):
        oldest += past(returns, i, n, window - lag)
        ends[lag] = oldest
    terms[at], terms[at + 1] = x, x * x
    terms[at + 2], terms[at + 3], terms[at + 4] = two * two, five * five, ten * ten


@njit(cache=True, error_model="numpy")
def _ends(returns: Float64, i: int, n: int, window: int, ends: Float64) -> None:
    """Add up the oldest 1 .. 9 returns of the window."""
    oldest = 0.0
    for lag in range(1, HOLDING[2]):
        oldest += past(returns, i, n, window - lag)
        ends[lag] = oldest


@njit(cache=True, error_model="numpy")
def _write(
    params: Params, s: Float64, at: int, begun: Float64, ends: Float64, window: int, out: Float64, why: UInt8
) -> bool:
    """Write the ratios; say whether they have a logarithm."""
    each = 1.0 / window
    mean = s[at] * each
    spread = s[at + 1] - s[at] * mean
    least = max(params.flat * s[at + 1], TIE * TIE)
    if spread <= least:
        out[:], why[:] = np.nan, EDGE
        return False
    scale, beyond, sound, q = (window - 1.0) / spread, 0.0, True, 1
    for j in range(WIDTH):
        while q < params.holding[j]:
            beyond += begun[q] + ends[q]
            q += 1
        count = window - q + 1.0
        held = s[at + 2 + j] - 2.0 * q * mean * (q * s[at] - beyond) + count * (q * mean) * (q * mean)
        sound = sound and held > least
        out[j], why[j] = max(held, 0.0) * scale / (q * count * (1.0 - q * each)), 0
    return sound


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    size = len(params.windows) * TERMS
    entering, leaving, sums, held = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(3)
    begun, ends = np.zeros(HOLDING[2]), np.zeros((len(params.windows), HOLDING[2]))
    returns, hurst = history.log_return, len(params.windows) * WIDTH
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        if n <= params.windows[0]:
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        for j in range(size):
            entering[j] = leaving[j] = 0.0
        _held(returns, i, n, 0, 10, held, begun)
        for j in range(len(params.windows)):
            window = params.windows[j]
            if due(n, window):
                _build(state, i, n, returns, window, j * TERMS, entering)
                _ends(returns, i, n, window, ends[j])
            elif n > window:
                _terms(bars.log_return[k], held, j * TERMS, entering)
                _leaving(returns, i, n, window, j * TERMS, leaving, ends[j])
        slide(state.sums, state.rests, i, entering, leaving)
        for j in range(len(params.windows)):
            at = j * TERMS
            if drowned(leaving[at + 1], state.sums[i, at + 1]):
                _build(state, i, n, returns, params.windows[j], at, entering)
        for j in range(size):
            sums[j] = state.sums[i, j] + state.rests[i, j]
        sound = False
        for j in range(len(params.windows)):
            at, end, window = j * WIDTH, (j + 1) * WIDTH, params.windows[j]
            if n > window:
                sound = _write(params, sums, j * TERMS, begun, ends[j], window, out[k, at:end], why[k, at:end])
            else:
                out[k, at:end], why[k, at:end] = np.nan, WARMING_UP
        if n <= params.windows[-1]:
            out[k, hurst], why[k, hurst] = np.nan, WARMING_UP
        elif not sound:
            out[k, hurst], why[k, hurst] = np.nan, EDGE
        else:
            slope = 1.0
            for j in range(WIDTH):
                slope += params.levers[1 + j] * math.log(out[k, hurst - WIDTH + j])
            out[k, hurst], why[k, hurst] = 0.5 * slope, 0


def _columns(window: int) -> tuple[Column, ...]:
    column = partial(
        Column, inputs=("close",), driver=Driver.BAR, window=window + 1, warm_up=window + 1, unit="ratio",
        oracle="naive", edges="equal returns: undefined",
    )  # fmt: skip
    return tuple(
        column(
            f"variance_ratio_{q}_{window}",
            f"variance of overlapping sums of {q} / ({q} * variance), of the last {window} log returns, both unbiased",
            "Lo and MacKinlay (1988)",
            range=(0.0, q * 1.2),
            params={"window": window, "holding": q},
        )
        for q in HOLDING
    )


register(
    Group(
        name="variance_ratio",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=(
            *(column for window in WINDOWS for column in _columns(window)),
            Column(
                name="hurst_120",
                formula="half the least-squares slope of log variance over log q, of overlapping sums of q = 1, 2, 5 "
                "and 10 of the last 120 log returns",
                source="aggregated variance (Taqqu, Teverovsky and Willinger 1995), overlapping sums",
                inputs=("close",),
                driver=Driver.BAR,
                window=121,
                warm_up=121,
                unit="exponent",
                range=(float("-inf"), float("inf")),
                oracle="naive",
                params={"window": 120},
                edges="equal returns, or sums of several that never vary: undefined",
            ),
        ),
        params=Params(WINDOWS, HOLDING, LEVERS, FLAT),
        init=init,
        update=update,
    )
)
