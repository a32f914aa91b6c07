"""Clustering of volatility: how the sizes of the last 60 log returns hang together.

Seed:   none.
Edges:  undefined where the sizes are equal, but for a share of 1e-10 of their squares (ARCH-LM: the squared returns
        without the newest, or without the oldest).
Cost:   O(1) a bar, 12 numbers a series. The six sums slide with what rounding took from them (Knuth's two-sum), so
        that a large return that has left leaves no trace; they are made anew, the same way, every 64th bar. What
        ARCH-LM leaves out at an end is taken away before what was lost is added, so that it leaves none either.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History
from features.regime.windows import MASK, leave_undefined
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

WINDOW, FAR, LAP = 60, 5, 63
FLAT = 1e-10
EDGE = int(Why.EDGE)
SIZES, NEAR_PRODUCTS, FAR_PRODUCTS, SQUARES, FOURTHS, SQUARE_PRODUCTS = range(6)


class Params(NamedTuple):
    flat: float


class State(NamedTuple):
    sums: Float64  # (series, 6) of |r|, of its products 1 and 5 bars apart, of r^2, r^4 and of r^2 one bar apart
    lost: Float64  # (series, 6) what rounding took from them


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(np.zeros((n, 6)), np.zeros((n, 6)))


@njit(cache=True, inline="always")
def _size(returns: Float64, i: int, n: int, lag: int) -> float:
    """Return the size of the log return `lag` bars ago, 0 where there is none yet."""
    size = abs(returns[(n - 1 - lag) & MASK, i])
    return size if lag < n - 1 and size > TIE else 0.0


@njit(cache=True, inline="always")
def _add(sums: Float64, lost: Float64, i: int, at: int, value: float) -> None:
    total = sums[i, at] + value
    part = total - sums[i, at]
    lost[i, at] += (sums[i, at] - (total - part)) + (value - part)
    sums[i, at] = total


@njit(cache=True, inline="always")
def _put(sums: Float64, lost: Float64, i: int, a: float, near: float, far: float, sign: float) -> None:
    """Add (or with sign -1 take away) a size and its products with those 1 and 5 bars from it."""
    square = a * a
    _add(sums, lost, i, SIZES, sign * a)
    _add(sums, lost, i, NEAR_PRODUCTS, sign * (a * near))
    _add(sums, lost, i, FAR_PRODUCTS, sign * (a * far))
    _add(sums, lost, i, SQUARES, sign * square)
    _add(sums, lost, i, FOURTHS, sign * (square * square))
    _add(sums, lost, i, SQUARE_PRODUCTS, sign * (square * (near * near)))


@njit(cache=True)
def _slide(sums: Float64, lost: Float64, returns: Float64, i: int, n: int) -> None:
    window = WINDOW
    if n & LAP == 0:
        for at in range(6):
            sums[i, at] = lost[i, at] = 0.0
        for lag in range(min(window, n - 1)):
            a = _size(returns, i, n, lag)
            near = _size(returns, i, n, lag + 1) if lag < window - 1 else 0.0
            far = _size(returns, i, n, lag + FAR) if lag < window - FAR else 0.0
            _put(sums, lost, i, a, near, far, 1.0)
        return
    _put(sums, lost, i, _size(returns, i, n, 0), _size(returns, i, n, 1), _size(returns, i, n, FAR), 1.0)
    if n > window + 1:
        old = _size(returns, i, n, window)
        _put(sums, lost, i, old, _size(returns, i, n, window - 1), _size(returns, i, n, window - FAR), -1.0)


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window, m = WINDOW, float(WINDOW)
    sums, lost, returns, series, nth = state.sums, state.lost, history.log_return, bars.series, bars.n
    for k in range(len(series)):
        i, n = series[k], nth[k]
        _slide(sums, lost, returns, i, n)
        leave_undefined(out, why, k, 4, EDGE if n > window else WARMING_UP)
        if n <= window:
            continue
        total, squares = sums[i, SIZES] + lost[i, SIZES], sums[i, SQUARES] + lost[i, SQUARES]
        mean = total / m
        spread = squares - total * mean
        if squares > TIE * TIE and spread > params.flat * squares:
            inverse = 1.0 / spread
            newest, oldest = _size(returns, i, n, 0), _size(returns, i, n, window - 1)
            ends = 2.0 * total - newest - oldest
            near = sums[i, NEAR_PRODUCTS] + lost[i, NEAR_PRODUCTS]
            out[k, 0] = (near - mean * ends + (m - 1.0) * mean * mean) * inverse
            for lag in range(1, FAR):
                ends -= _size(returns, i, n, lag) + _size(returns, i, n, window - 1 - lag)
            far = sums[i, FAR_PRODUCTS] + lost[i, FAR_PRODUCTS]
            out[k, 1] = (far - mean * ends + (m - FAR) * mean * mean) * inverse
            out[k, 2] = math.sqrt(spread / (m - 1.0)) / mean
            why[k, 0] = why[k, 1] = why[k, 2] = 0
            newest, oldest = newest * newest, oldest * oldest
            fourths, pairs = sums[i, FOURTHS] + lost[i, FOURTHS], m - 1.0
            x = (sums[i, SQUARES] - newest) + lost[i, SQUARES]
            y = (sums[i, SQUARES] - oldest) + lost[i, SQUARES]
            x_spread = (sums[i, FOURTHS] - newest * newest) + lost[i, FOURTHS] - x * x / pairs
            y_spread = (sums[i, FOURTHS] - oldest * oldest) + lost[i, FOURTHS] - y * y / pairs
            if x_spread > params.flat * fourths and y_spread > params.flat * fourths:
                product = sums[i, SQUARE_PRODUCTS] + lost[i, SQUARE_PRODUCTS] - x * y / pairs
                out[k, 3], why[k, 3] = min(pairs * (product / x_spread) * (product / y_spread), pairs), 0


_column = partial(
    Column,
    inputs=("close",),
    driver=Driver.BAR,
    window=WINDOW + 1,
    warm_up=WINDOW + 1,
    unit="ratio",
    params={"window": WINDOW},
    edges="equal sizes: undefined",
)
register(
    Group(
        name="clustering",
        family=Family.REGIME,
        stage=Stage.BARS,
        columns=(
            *(
                _column(
                    f"size_autocorrelation_{lag}_60",
                    f"sum of d[t] * d[t - {lag}] over sum of d ** 2, d = |log return| - mean of the last 60",
                    "Ding, Granger and Engle (1993); statsmodels acf (adjusted=False)",
                    range=(-1.0, 1.0),
                    oracle="naive; statsmodels acf",
                )
                for lag in (1, FAR)
            ),
            _column(
                "size_variation_60",
                "sample deviation of the last 60 |log returns| / their mean",
                "coefficient of variation: the volatility of volatility",
                range=(0.0, 7.8),
                oracle="naive; scipy.stats.variation",
            ),
            _column(
                "arch_lm_60",
                "59 * R2 of squared log returns on those a bar before, over the last 60",
                "Engle (1982); scipy.stats.linregress",
                range=(0.0, 59.0),
                oracle="naive; scipy.stats.linregress",
            ),
        ),
        params=Params(FLAT),
        init=init,
        update=update,
        version=3,
    )
)
