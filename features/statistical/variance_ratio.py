"""Variance of overlapping sums of returns beside that of single ones, and the Hurst exponent that they give.

Seed:   none.
Edges:  undefined where the returns are equal (up to 1e-6 of their size); the exponent also where a sum of several never
        varies.
Cost:   O(1) a bar, 10 numbers a series and window: compensated sums of squared sums; a sum of ten is added up in the
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
TERMS = 5  # sums a window: x, x², and the squared sum of each of HOLDING
WIDTH = 4  # columns a window
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


@njit(cache=True)
def _terms(x: float, held: Float64, at: int, terms: Float64) -> None:
    """Write the terms of a return x and the sums of 2, 5 and 10 that enter or leave with it."""
    terms[at], terms[at + 1] = x, x * x
    for j in range(3):
        terms[at + 2 + j] = held[j] * held[j]


@njit(cache=True)
def _held(returns: Float64, i: int, n: int, newest: int, most: int, held: Float64) -> None:
    """Add up the 2, 5 and 10 returns that begin `newest` bars ago and go back; 0 for more than `most`."""
    total = 0.0
    held[:] = 0.0
    for lag in range(min(most, 10)):
        total += past(returns, i, n, newest + lag)
        if lag == 1:
            held[0] = total
        elif lag == 4:
            held[1] = total
        elif lag == 9:
            held[2] = total


@njit(cache=True)
def _build(state: State, i: int, n: int, returns: Float64, window: int, at: int, terms: Float64) -> None:
    clear(state.sums, state.rests, i, at, at + TERMS)
    held = np.zeros(3)
    for lag in range(window):
        _held(returns, i, n, lag, window - lag, held)
        _terms(past(returns, i, n, lag), held, at, terms)
        add(state.sums, state.rests, i, at, at + TERMS, terms)
    terms[at : at + TERMS] = 0.0


@njit(cache=True)
def _leaving(returns: Float64, i: int, n: int, window: int, at: int, terms: Float64) -> None:
    """Write the terms that leave: the sums that end q - 1 bars after the return that left."""
    x = past(returns, i, n, window)
    terms[at], terms[at + 1] = x, x * x
    for j in range(3):
        q, total = HOLDING[j], 0.0
        for lag in range(q):
            total += past(returns, i, n, window - q + 1 + lag)
        terms[at + 2 + j] = total * total


@njit(cache=True)
def _write(
    params: Params, s: Float64, at: int, returns: Float64, i: int, n: int, window: int, out: Float64, why: UInt8
) -> None:
    mean = s[at] / window
    spread = s[at + 1] - s[at] * mean
    if spread <= max(params.flat * s[at + 1], TIE * TIE):
        out[:], why[:] = np.nan, EDGE
        return
    why[:] = 0
    ends = beyond = 0.0  # sum of the first q returns at both ends, and of those sums
    at_holding, slope, still = 0, params.levers[0] * math.log(spread / (window - 1.0)), False
    for q in range(1, params.holding[-1] + 1):
        if params.holding[at_holding] == q:
            count = window - q + 1.0
            total = q * s[at] - beyond
            held = s[at + 2 + at_holding] - 2.0 * q * mean * total + count * (q * mean) * (q * mean)
            variance = max(held, 0.0) / (count * (1.0 - q / window))
            out[at_holding] = variance / q / (spread / (window - 1.0))
            if held <= max(params.flat * s[at + 1], TIE * TIE):
                still = True
            else:
                slope += params.levers[1 + at_holding] * math.log(variance)
            at_holding += 1
        ends += past(returns, i, n, q - 1) + past(returns, i, n, window - q)
        beyond += ends
    if still:
        out[3], why[3] = np.nan, EDGE
    else:
        out[3] = 0.5 * slope


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    size = len(params.windows) * TERMS
    entering, leaving, sums, held = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(3)
    returns = history.log_return
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        entering[:], leaving[:] = 0.0, 0.0
        if n > params.windows[0]:
            _held(returns, i, n, 0, 10, held)
        for j in range(len(params.windows)):
            window = params.windows[j]
            if due(n, window):
                _build(state, i, n, returns, window, j * TERMS, entering)
            elif n > window:
                _terms(bars.log_return[k], held, j * TERMS, entering)
                _leaving(returns, i, n, window, j * TERMS, leaving)
        slide(state.sums, state.rests, i, entering, leaving)
        for j in range(len(params.windows)):
            at = j * TERMS
            if drowned(leaving[at + 1], state.sums[i, at + 1]):
                _build(state, i, n, returns, params.windows[j], at, entering)
        for j in range(size):
            sums[j] = state.sums[i, j] + state.rests[i, j]
        for j in range(len(params.windows)):
            at, end, window = j * WIDTH, (j + 1) * WIDTH, params.windows[j]
            if n > window:
                _write(params, sums, j * TERMS, returns, i, n, window, out[k, at:end], why[k, at:end])
            else:
                out[k, at:end], why[k, at:end] = np.nan, WARMING_UP


def _columns(window: int) -> tuple[Column, ...]:
    column = partial(
        Column, inputs=("close",), driver=Driver.BAR, window=window + 1, warm_up=window + 1, unit="ratio",
        oracle="naive", edges="equal returns: undefined",
    )  # fmt: skip
    ratios = (
        column(
            f"variance_ratio_{q}_{window}",
            f"variance of overlapping sums of {q} / ({q} * variance), of the last {window} log returns, both unbiased",
            "Lo and MacKinlay (1988)",
            range=(0.0, q * 1.2),
            params={"window": window, "holding": q},
        )
        for q in HOLDING
    )
    hurst = column(
        f"hurst_{window}",
        f"half the least-squares slope of log variance over log q, of overlapping sums of q = 1, 2, 5, 10 of the last "
        f"{window} log returns",
        "aggregated variance (Taqqu, Teverovsky and Willinger 1995), overlapping sums",
        range=(float("-inf"), float("inf")),
        params={"window": window},
        edges="equal returns, or sums of several that never vary: undefined",
    )
    return (*ratios, hurst)


register(
    Group(
        name="variance_ratio",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=tuple(column for window in WINDOWS for column in _columns(window)),
        params=Params(WINDOWS, HOLDING, LEVERS, FLAT),
        init=init,
        update=update,
    )
)
