"""How the last 60 log returns hang together: autocorrelations of them and of their squares, and tests on these.

Seed:   none.
Edges:  undefined where the returns, or their squares, are equal (up to 1e-6 of their size).
Cost:   O(1) a bar, 32 numbers a series: compensated sums of products, as exact as the products themselves.
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

WINDOW, FARTHEST = 60, 10
LAGS, SQUARED_LAGS = (1, 2, 3, 4, 5, 10), (1, 2, 5)
# x, x², x³, x⁴, x * x before at each of LAGS, x² * x² before at SQUARED_LAGS, x² * x before; two fill vectors up
TERMS = 16
EDGE = int(Why.EDGE)
WEIGHTS = tuple(WINDOW * (WINDOW + 2.0) / (WINDOW - lag) for lag in range(1, 6))


class Params(NamedTuple):
    window: int
    flat: float
    lags: tuple[int, ...]
    squared_lags: tuple[int, ...]
    weights: tuple[float, ...]  # of the first five squared autocorrelations in Ljung and Box's statistic


class State(NamedTuple):
    sums: Float64  # (series, TERMS)
    rests: Float64  # (series, TERMS) what rounding took from them


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros((n_symbols * n_timeframes, TERMS)) for _ in State._fields))


@njit(cache=True, error_model="numpy")
def _products(x: float, y: Float64, terms: Float64) -> None:
    """Write the terms of a return x and y = those 0 .. 10 before it."""
    terms[0], terms[1], terms[2], terms[3] = x, x * x, x * x * x, (x * x) * (x * x)
    terms[4], terms[5], terms[6], terms[7] = x * y[1], x * y[2], x * y[3], x * y[4]
    terms[8], terms[9] = x * y[5], x * y[10]
    terms[10], terms[11], terms[12] = (x * x) * (y[1] * y[1]), (x * x) * (y[2] * y[2]), (x * x) * (y[5] * y[5])
    terms[13] = (x * x) * y[1]


@njit(cache=True, error_model="numpy")
def _leaving(old: Float64, terms: Float64) -> None:
    """Write the terms that leave: old[0] is the return that left the window, old[1 ..] those after it."""
    x = old[0]
    terms[0], terms[1], terms[2], terms[3] = x, x * x, x * x * x, (x * x) * (x * x)
    terms[4], terms[5], terms[6], terms[7] = x * old[1], x * old[2], x * old[3], x * old[4]
    terms[8], terms[9] = x * old[5], x * old[10]
    square = x * x
    terms[10], terms[11] = (old[1] * old[1]) * square, (old[2] * old[2]) * square
    terms[12], terms[13] = (old[5] * old[5]) * square, (old[1] * old[1]) * x


@njit(cache=True, error_model="numpy")
def _build(sums: Float64, rests: Float64, i: int, n: int, returns: Float64, window: int, terms: Float64) -> None:
    clear(sums, rests, i, 0, TERMS)
    before = np.zeros(FARTHEST + 1)
    for lag in range(window - 1, -1, -1):
        _products(past(returns, i, n, lag), before, terms)
        add(sums, rests, i, 0, TERMS, terms)
        for j in range(FARTHEST, 1, -1):
            before[j] = before[j - 1]
        before[1] = past(returns, i, n, lag)


@njit(cache=True, inline="always")
def _lagged(both: float, mean: float, ends: float, rest: float) -> float:
    """Return the sum of products of deviations from a sum of products, `ends` = the sums of both factors."""
    return both - mean * (ends - rest * mean)


@njit(cache=True, error_model="numpy")
def _write(params: Params, s: Float64, new: Float64, old: Float64, out: Float64, why: UInt8) -> None:
    """Write the columns from the sums, the newest returns new[0 ..] and the oldest of the window old[1 ..]."""
    window = params.window
    each = 1.0 / window
    mean, size = s[0] * each, s[1] * each
    spread, spread_of_squares = s[1] - s[0] * mean, s[3] - s[1] * size
    why[:] = 0
    if spread <= max(params.flat * s[1], TIE * TIE):
        out[:], why[:] = np.nan, EDGE
        return
    scale, total, at, ends = 1.0 / spread, 0.0, 0, 2.0 * s[0]
    for lag in range(1, FARTHEST + 1):
        ends -= new[lag - 1] + old[lag]
        if params.lags[at] == lag:
            out[at] = _lagged(s[4 + at], mean, ends, window - lag) * scale
            at += 1
    for lag in range(5):
        total += out[lag] * out[lag] * params.weights[lag]
    first, last = old[1] * old[1], new[0] * new[0]
    out[9] = total
    out[10] = (2.0 * s[1] - last - first - 2.0 * s[4]) * scale
    if spread_of_squares <= params.flat * s[3]:
        out[6:9], why[6:9], out[11], why[11] = np.nan, EDGE, np.nan, EDGE
        return
    scale, ends, at = 1.0 / spread_of_squares, 2.0 * s[1], 0
    for lag in range(1, 6):
        ends -= new[lag - 1] * new[lag - 1] + old[lag] * old[lag]
        if params.squared_lags[at] == lag:
            out[6 + at] = _lagged(s[10 + at], size, ends, window - lag) * scale
            at += 1
    lagged = s[13] - size * (s[0] - new[0]) - mean * (s[1] - first) + (window - 1.0) * mean * size
    out[11] = lagged / math.sqrt(spread * spread_of_squares)


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window, returns = params.window, history.log_return
    entering, leaving, sums = np.zeros(TERMS), np.zeros(TERMS), np.zeros(TERMS)
    new, old = np.zeros(FARTHEST + 1), np.zeros(FARTHEST + 1)
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        if n <= window:
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        for j in range(FARTHEST + 1):
            new[j], old[j] = past(returns, i, n, j), past(returns, i, n, window - j)
        anew = due(n, window)
        if not anew:
            _products(new[0], new, entering)
            _leaving(old, leaving)
            slide(state.sums, state.rests, i, entering, leaving)
            anew = drowned(leaving[1], state.sums[i, 1])
        if anew:
            _build(state.sums, state.rests, i, n, returns, window, entering)
        for j in range(TERMS):
            sums[j] = state.sums[i, j] + state.rests[i, j]
        _write(params, sums, new, old, out[k], why[k])


_column = partial(
    Column, inputs=("close",), driver=Driver.BAR, window=WINDOW + 1, warm_up=WINDOW + 1, unit="ratio",
    range=(-1.0 - 1e-6, 1.0 + 1e-6), oracle="naive; statsmodels acf", params={"window": WINDOW},
    edges="equal returns: undefined",
)  # fmt: skip
register(
    Group(
        name="dependence",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=(
            *(
                _column(
                    f"autocorrelation_{lag}_60",
                    f"sum of d[t] * d[t - {lag}] over sum of d ** 2, d = log return - mean of the last 60",
                    "Box and Jenkins; statsmodels acf (adjusted=False)",
                )
                for lag in LAGS
            ),
            *(
                _column(
                    f"squared_autocorrelation_{lag}_60",
                    f"as autocorrelation_{lag}_60, of the squared log returns",
                    "McLeod and Li (1983)",
                    edges="equal returns, or returns of equal size: undefined",
                )
                for lag in SQUARED_LAGS
            ),
            _column(
                "ljung_box_5_60",
                "60 * 62 * sum over lags 1 .. 5 of autocorrelation ** 2 / (60 - lag)",
                "Ljung and Box (1978); statsmodels acorr_ljungbox",
                unit="chi-squared, 5 degrees of freedom",
                range=(0.0, 340.0),
                oracle="naive; statsmodels acorr_ljungbox",
            ),
            _column(
                "durbin_watson_60",
                "sum of squared changes of the log return over sum of d ** 2",
                "Durbin and Watson (1950); statsmodels durbin_watson, of d",
                range=(0.0, 4.0 + 1e-6),
                oracle="naive; statsmodels durbin_watson",
            ),
            _column(
                "leverage_60",
                "correlation-like: sum of d[t - 1] * e[t] / sqrt(sum of d ** 2 * sum of e ** 2), e of squared returns",
                "Bouchaud, Matacz and Potters (2001)",
                oracle="naive",
                edges="equal returns, or returns of equal size: undefined",
            ),
        ),
        params=Params(WINDOW, FLAT, LAGS, SQUARED_LAGS, WEIGHTS),
        init=init,
        update=update,
    )
)
