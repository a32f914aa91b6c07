"""The last 60 log returns in order of size: quantiles, spread, tails, entropy, and where the last one ranks.

Seed:   none.
Edges:  ratios are undefined where what they divide by is no move (up to 1e-12).
Cost:   one pass over the sorted window to take a return out and put one in, 64 numbers a series; the rest is O(1), but
        for the entropy's bins, which are counted.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.statistical.order_columns import COLUMNS, QUANTILES, WINDOW
from features.statistical.sums import due
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

BINS, WORST = 8, 3
ROOM = 64  # the window and four times infinity, so that vectors have no remainder
LOWER = tuple(percent * (WINDOW - 1) // 100 for percent in QUANTILES)
SHARES = tuple((percent * (WINDOW - 1) % 100) / 100.0 for percent in QUANTILES)
WEIGHED = np.array([count * math.log(count) if count else 0.0 for count in range(WINDOW + 1)])  # k log k
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    window: int
    bins: int
    worst: int


class State(NamedTuple):
    ordered: Float64  # (series, ROOM) log returns of the window, least first, then infinity


def init(n_symbols: int, n_timeframes: int) -> State:
    state = State(np.zeros((n_symbols * n_timeframes, ROOM)))
    state.ordered[:, WINDOW:] = np.inf
    return state


@njit(cache=True, inline="always")
def _below(ordered: Float64, i: int, value: float) -> int:
    """Count the returns below a value; without a branch, so that it runs several at a time."""
    count = 0
    for j in range(ROOM):
        count += ordered[i, j] < value
    return count


@njit(cache=True, inline="always")
def _replace(ordered: Float64, i: int, left: float, came: float) -> None:
    """Take a return out of the ordered window and put another in."""
    hole, place = _below(ordered, i, left), _below(ordered, i, came)
    if place > hole:
        for j in range(hole, place - 1):
            ordered[i, j] = ordered[i, j + 1]
        ordered[i, place - 1] = came
    else:
        for j in range(hole, place, -1):
            ordered[i, j] = ordered[i, j - 1]
        ordered[i, place] = came


@njit(cache=True, inline="always")
def _quantile(ordered: Float64, i: int, low: int, share: float) -> float:
    lower = ordered[i, low]
    return float(lower + share * (ordered[i, low + 1] - lower))


@njit(cache=True, inline="always")
def _entropy(ordered: Float64, i: int, bins: int) -> float:
    """Return the entropy of counts in equal bins between the least and the greatest, over its most."""
    window = WINDOW
    least, width = ordered[i, 0], (ordered[i, window - 1] - ordered[i, 0]) / bins
    weighed, before = 0.0, 0
    for edge in range(1, bins):
        below = _below(ordered, i, least + edge * width - TIE)
        weighed += WEIGHED[below - before]
        before = below
    weighed += WEIGHED[window - before]
    return float((math.log(window) - weighed / window) / math.log(bins))


@njit(cache=True, inline="always")
def _ratio(value: float, base: float, out: Float64, why: UInt8, k: int, j: int) -> None:
    if base > TIE:
        out[k, j], why[k, j] = value / base, 0
    else:
        out[k, j], why[k, j] = np.nan, EDGE


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window, ordered = params.window, state.ordered
    for k in range(len(bars.series)):
        i, n, last = bars.series[k], bars.n[k], bars.log_return[k]
        if n <= window:
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        if due(n, window):
            for lag in range(window):
                ordered[i, lag] = past(history.log_return, i, n, lag)
            ordered[i, :window].sort()
        else:
            _replace(ordered, i, past(history.log_return, i, n, window), last)
        for j in range(len(QUANTILES)):
            out[k, j], why[k, j] = _quantile(ordered, i, LOWER[j], SHARES[j]), 0
        q5, q25, median, q75, q95 = out[k, 0], out[k, 1], out[k, 2], out[k, 3], out[k, 4]
        quartiles = q75 - q25
        worst = 0.0
        for j in range(params.worst):
            worst += ordered[i, j]
        below, up_to = _below(ordered, i, last - TIE), _below(ordered, i, last + TIE)
        out[k, 5], out[k, 6] = quartiles, worst / params.worst
        out[k, 7] = (below + 0.5 * (up_to - below - 1)) / (window - 1.0)
        why[k, 5] = why[k, 6] = why[k, 7] = 0
        _ratio(q95 - median, median - q5, out, why, k, 8)
        _ratio(q75 + q25 - 2.0 * median, quartiles, out, why, k, 9)
        _ratio(q95 - q5, quartiles, out, why, k, 10)
        if ordered[i, window - 1] - ordered[i, 0] > TIE:
            out[k, 11], why[k, 11] = _entropy(ordered, i, params.bins), 0
        else:
            out[k, 11], why[k, 11] = np.nan, EDGE


register(
    Group(
        name="order_statistics",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=COLUMNS,
        params=Params(WINDOW, BINS, WORST),
        init=init,
        update=update,
    )
)
