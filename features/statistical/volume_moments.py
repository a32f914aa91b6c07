"""Volume of the last bars: where the last one stands, its variation, and how it goes with the return.

Seed:   none.
Edges:  undefined where volumes (for correlations: or returns) are equal, up to 1e-6 of their size, or where there is no
        volume.
Cost:   O(1) a bar, 14 numbers a series and window: compensated sums of products.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import RING, BarInputs, History, past
from features.statistical.moments import FLAT
from features.statistical.sums import add, clear, drowned, slide
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

WINDOWS = (60,)
TERMS = 8  # sums a window: v, v², r, r², |r|, r * v, |r| * v; one fills vectors up
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    windows: tuple[int, ...]
    flat: float


class State(NamedTuple):
    sums: Float64  # (series, windows * TERMS)
    rests: Float64  # (series, windows * TERMS) what rounding took from them


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros((n_symbols * n_timeframes, len(WINDOWS) * TERMS)) for _ in State._fields))


@njit(cache=True, inline="always")
def _terms(volume: float, change: float, at: int, terms: Float64) -> None:
    terms[at], terms[at + 1] = volume, volume * volume
    terms[at + 2], terms[at + 3], terms[at + 4] = change, change * change, abs(change)
    terms[at + 5], terms[at + 6] = change * volume, abs(change) * volume


@njit(cache=True, error_model="numpy")
def _build(
    state: State, i: int, n: int, volumes: Float64, returns: Float64, window: int, at: int, terms: Float64
) -> None:
    clear(state.sums, state.rests, i, at, at + TERMS)
    for lag in range(window):
        change = past(returns, i, n, lag) if lag < n - 1 else 0.0
        _terms(past(volumes, i, n, lag), change, at, terms)
        add(state.sums, state.rests, i, at, at + TERMS, terms)


@njit(cache=True, inline="always")
def _correlation(
    both: float, a: float, b: float, spreads: float, count: float, out: Float64, why: UInt8, k: int, j: int
) -> None:
    if spreads > 0.0:
        out[k, j], why[k, j] = (both - a * b / count) / math.sqrt(spreads), 0
    else:
        out[k, j], why[k, j] = np.nan, EDGE


@njit(cache=True, inline="always")
def _write(s: Float64, volume: float, window: float, n: int, flat: float, out: Float64, why: UInt8, k: int) -> None:
    total, squares = s[0], s[1]
    mean = total / window
    spread = max(squares - total * mean, 0.0)
    deviation = math.sqrt(spread / (window - 1.0))
    varies = squares > 0.0 and spread > flat * squares
    out[k, 0], why[k, 0] = (deviation / mean, 0) if squares > 0.0 else (np.nan, EDGE)
    out[k, 1], why[k, 1] = ((volume - mean) / deviation, 0) if varies else (np.nan, EDGE)
    if n == window:
        for j in range(2, 4):
            out[k, j], why[k, j] = np.nan, WARMING_UP
        return
    spread = spread if varies else 0.0
    size = max(flat * s[3], TIE * TIE)
    moves, sizes = s[3] - s[2] * s[2] / window, s[3] - s[4] * s[4] / window
    _correlation(s[5], s[2], total, moves * spread if moves > size else 0.0, window, out, why, k, 2)
    _correlation(s[6], s[4], total, sizes * spread if sizes > size else 0.0, window, out, why, k, 3)


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    came, left, now = np.zeros(TERMS), np.zeros(TERMS), np.zeros(TERMS)
    volumes, returns, window, sums, rests = history.volume, history.log_return, WINDOWS[0], state.sums, state.rests
    series, count, flat = bars.series, bars.n, params.flat
    for k in range(len(series)):
        i, n = series[k], count[k]
        volume = past(volumes, i, n, 0)
        _terms(volume, past(returns, i, n, 0) if n > 1 else 0.0, 0, came)
        if n > window:
            _terms(past(volumes, i, n, window), past(returns, i, n, window) if n > window + 1 else 0.0, 0, left)
        else:
            for j in range(TERMS):
                left[j] = 0.0
        slide(sums, rests, i, came, left)
        if n < window:
            for j in range(4):
                out[k, j], why[k, j] = np.nan, WARMING_UP
            continue
        if n & (RING - 1) == 0 or drowned(left[1], sums[i, 1]) or drowned(left[3], sums[i, 3]):
            _build(state, i, n, volumes, returns, window, 0, came)
        for j in range(TERMS):
            now[j] = sums[i, j] + rests[i, j]
        _write(now, volume, window, n, flat, out, why, k)


def _columns(window: int) -> tuple[Column, ...]:
    column = partial(
        Column, inputs=("volume",), driver=Driver.BAR, window=window, warm_up=window, oracle="naive",
        params={"window": window},
    )  # fmt: skip
    correlation = partial(
        column, inputs=("close", "volume"), window=window + 1, warm_up=window + 1, unit="correlation",
        range=(-1.0 - 1e-6, 1.0 + 1e-6), edges="equal volumes or returns: undefined",
    )  # fmt: skip
    last = f"of the last {window} bars"
    farthest = (window - 1) / math.sqrt(window) + 1e-6
    return (
        column(
            f"volume_variation_{window}",
            f"sample deviation / mean of volume {last}",
            "scipy.stats.variation, ddof 1",
            unit="ratio",
            range=(0.0, math.sqrt(window) + 1e-6),
            edges="no volume: undefined",
        ),
        column(
            f"volume_zscore_{window}",
            f"(volume - mean) / sample deviation {last}",
            "scipy.stats.zscore, ddof 1",
            unit="deviations",
            range=(-farthest, farthest),
            edges="equal volumes: undefined",
        ),
        correlation(
            f"return_volume_correlation_{window}",
            f"correlation of log return and volume {last}",
            "numpy.corrcoef; Karpoff (1987)",
        ),
        correlation(
            f"move_volume_correlation_{window}",
            f"correlation of |log return| and volume {last}",
            "numpy.corrcoef; Karpoff (1987)",
        ),
    )


register(
    Group(
        name="volume_moments",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=tuple(column for window in WINDOWS for column in _columns(window)),
        params=Params(WINDOWS, FLAT),
        init=init,
        update=update,
        version=2,
    )
)
