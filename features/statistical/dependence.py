"""How the last 60 log returns hang together: autocorrelations of them and of their squares, tests on these, and the
variance of overlapping sums of them beside their own, with the Hurst exponent that it gives.

Seed:   none.
Edges:  undefined where the returns, or their squares, are equal (up to 1e-6 of their size); the exponent also where a
        sum of several never varies.
Cost:   O(1) a bar, 32 numbers a series: compensated sums of products, as exact as the products themselves.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.statistical.dependence_columns import COLUMNS
from features.statistical.dependence_sums import FARTHEST, HOLDING, TERMS, WINDOW, build, entering, leaving
from features.statistical.moments import FLAT
from features.statistical.sums import drowned, due, slide
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

EDGE = int(Why.EDGE)
RATIOS, HURST = 12, 15  # columns
EACH = 1.0 / WINDOW
WEIGHTS = np.array([WINDOW * (WINDOW + 2.0) / (WINDOW - lag) for lag in range(1, 6)])  # Ljung and Box's
UNBIASED = tuple((WINDOW - 1.0) / (q * (WINDOW - q + 1.0) * (1.0 - q * EACH)) for q in HOLDING)
LOGS = tuple(math.log(q) for q in (1, *HOLDING))
CENTRE = sum(LOGS) / 4.0
LEVERS = tuple((log - CENTRE) / sum((other - CENTRE) ** 2 for other in LOGS) for log in LOGS)


class Params(NamedTuple):
    window: int
    flat: float


class State(NamedTuple):
    sums: Float64  # (series, TERMS)
    rests: Float64  # (series, TERMS) what rounding took from them


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros((n_symbols * n_timeframes, TERMS)) for _ in State._fields))


@njit(cache=True, inline="always")
def _lagged(both: float, mean: float, ends: float, lag: int) -> float:
    """Return the sum of products of deviations from a sum of products, `ends` = the sums of both factors."""
    return both - mean * (ends - (WINDOW - lag) * mean)


@njit(cache=True, inline="always")
def _held(squares: float, total: float, beyond: float, q: int) -> float:
    """Return the sum of squared deviations of sums of q; `beyond` is what the window's ends are short of q totals."""
    mean = q * EACH * total
    return squares - 2.0 * mean * (q * total - beyond) + (WINDOW - q + 1.0) * mean * mean


@njit(cache=True, inline="always")
def _write(
    s: Float64, new: Float64, old: Float64, ends: Float64, flat: float, out: Float64, why: UInt8, k: int
) -> None:
    """Write row k from the sums, the newest returns new[0 ..] and the oldest of the window old[1 ..]."""
    total, squares = s[0], s[1]
    mean, size = total * EACH, squares * EACH
    spread, spread_of_squares = squares - total * mean, s[3] - squares * size
    least = max(flat * squares, TIE * TIE)
    if spread <= least:
        for j in range(HURST + 1):
            out[k, j], why[k, j] = np.nan, EDGE
        return
    for j in range(HURST + 1):
        why[k, j] = 0
    scale, test, short = 1.0 / spread, 0.0, 0.0
    for lag in range(1, FARTHEST + 1):  # of the last and the first `lag` returns
        short += new[lag - 1] + old[lag]
        ends[lag] = short
    for j in range(5):
        out[k, j] = _lagged(s[4 + j], mean, 2.0 * total - ends[1 + j], 1 + j) * scale
        test += out[k, j] * out[k, j] * WEIGHTS[j]
    out[k, 5] = _lagged(s[9], mean, 2.0 * total - ends[10], 10) * scale
    first, last = old[1] * old[1], new[0] * new[0]
    inner = 2.0 * squares - last - first
    out[k, 9], out[k, 10] = test, (inner - 2.0 * s[4]) * scale
    to_five = ends[1] + ends[2] + ends[3] + ends[4]
    to_ten = to_five + ends[5] + ends[6] + ends[7] + ends[8] + ends[9]
    two, five = _held(inner + 2.0 * s[4], total, ends[1], 2), _held(s[14], total, to_five, 5)
    ten = _held(s[15], total, to_ten, 10)
    out[k, RATIOS] = max(two, 0.0) * scale * UNBIASED[0]
    out[k, RATIOS + 1] = max(five, 0.0) * scale * UNBIASED[1]
    out[k, RATIOS + 2] = max(ten, 0.0) * scale * UNBIASED[2]
    if min(two, five, ten) > least:
        slope = 1.0 + LEVERS[1] * math.log(out[k, RATIOS]) + LEVERS[2] * math.log(out[k, RATIOS + 1])
        out[k, HURST] = 0.5 * (slope + LEVERS[3] * math.log(out[k, RATIOS + 2]))
    else:
        out[k, HURST], why[k, HURST] = np.nan, EDGE
    if spread_of_squares <= flat * s[3]:
        out[k, 6] = out[k, 7] = out[k, 8] = out[k, 11] = np.nan
        why[k, 6] = why[k, 7] = why[k, 8] = why[k, 11] = EDGE
        return
    precise, both = 1.0 / spread_of_squares, 2.0 * squares - last - first
    out[k, 6] = _lagged(s[10], size, both, 1) * precise
    both -= new[1] * new[1] + old[2] * old[2]
    out[k, 7] = _lagged(s[11], size, both, 2) * precise
    for j in range(2, 5):
        both -= new[j] * new[j] + old[1 + j] * old[1 + j]
    out[k, 8] = _lagged(s[12], size, both, 5) * precise
    lagged = s[13] - size * (total - new[0]) - mean * (squares - first) + (WINDOW - 1.0) * mean * size
    out[k, 11] = lagged * math.sqrt(scale * precise)


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    returns, series, count, sums, rests = history.log_return, bars.series, bars.n, state.sums, state.rests
    came, left, now = np.zeros(TERMS), np.zeros(TERMS), np.zeros(TERMS)
    new, old, ends = np.zeros(FARTHEST + 1), np.zeros(FARTHEST + 1), np.zeros(FARTHEST + 1)
    for k in range(len(series)):
        i, n = series[k], count[k]
        if n <= WINDOW:
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        for j in range(FARTHEST + 1):
            new[j], old[j] = past(returns, i, n, j), past(returns, i, n, WINDOW - j)
        anew = due(n, WINDOW)
        if not anew:
            entering(new, came)
            leaving(old, left)
            slide(sums, rests, i, came, left)
            anew = drowned(left[1], sums[i, 1])
        if anew:
            build(sums, rests, i, n, returns, came)
        for j in range(TERMS):
            now[j] = sums[i, j] + rests[i, j]
        _write(now, new, old, ends, params.flat, out, why, k)


register(
    Group(
        name="dependence",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=COLUMNS,
        params=Params(WINDOW, FLAT),
        init=init,
        update=update,
        version=2,
    )
)
