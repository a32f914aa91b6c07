"""Bands around an average: Bollinger's by deviation, Keltner's by range; squeeze of the two, and Elder's powers.

Seed:   averages start with the mean of their first n values, true ranges with the second bar, as TA-Lib.
Edges:  a position is undefined between bands of no width (the width is then 0), the squeeze where no range is left.
        A remembered range below 1e-30 of the price counts as none.
Cost:   O(1) a bar, 151 numbers a series: moments of blocks, see `block_moments`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Family, Group, Stage, register
from features.decay import WARMING_UP, standing
from features.inputs import BarInputs, History
from features.technical.band_rows import COLUMNS, CONVERGED, LONG, POWERS, POWERS_CONVERGED, RANGES, WIDTH, WINDOW
from features.technical.block_moments import moments, moments_state
from features.technical.natr import averaged, ranged, true_range
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

EDGE = int(Why.EDGE)


class Params(NamedTuple):
    width: float  # standard deviations, or average ranges
    converged: int  # bars
    powers_converged: int


class State(NamedTuple):
    mean: Float64  # (series,) of the close over WINDOW, quote currency
    short_mean: Float64  # (series,) over POWERS
    range: Float64  # (series,) average true range over RANGES
    sums: Float64  # (WINDOW + 2, 2, series) of blocks of closes
    long_sums: Float64  # (LONG + 2, 2, series)


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    mean, short_mean, average_range = np.zeros((3, series))
    return State(mean, short_mean, average_range, moments_state(series, WINDOW), moments_state(series, LONG))


@njit(cache=True, inline="always")
def _bands(mean: float, squares: float, window: int, width: float, close: float) -> tuple[float, float, float]:
    """Return position (NaN if flat), width and deviation of closes by their mean - close and squares about it."""
    deviation = math.sqrt(squares / window)
    flat = squares <= (TIE * close) * (TIE * close)
    position = np.nan if flat else 0.5 - mean / (2.0 * width * deviation)
    return position, 2.0 * width * deviation / (close + mean), deviation


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    width, closes, averages, means, shorts = params.width, history.close, state.range, state.mean, state.short_mean
    sums, long_sums = state.sums, state.long_sums
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        now = true_range(bars.high[k], bars.low[k], bars.previous_close[k])
        reach = averages[i] = ranged(averages[i], now, n, RANGES, close)
        mean = means[i] = averaged(means[i], close, n, WINDOW)
        short = shorts[i] = averaged(shorts[i], close, n, POWERS)
        for j in range(9):
            out[k, j], why[k, j] = np.nan, WARMING_UP
        if n >= POWERS:
            out[k, 7], out[k, 8] = (bars.high[k] - short) / close, (bars.low[k] - short) / close
            why[k, 7] = why[k, 8] = standing(n, POWERS, params.powers_converged)
        beyond, squares = moments(sums, closes, i, n, close)
        long_beyond, long_squares = moments(long_sums, closes, i, n, close)
        if n < WINDOW:
            continue
        out[k, 0], out[k, 1], deviation = _bands(beyond, squares, WINDOW, width, close)
        why[k, 0], why[k, 1] = EDGE if math.isnan(out[k, 0]) else 0, 0
        converging = standing(n, WINDOW, params.converged)
        out[k, 5], why[k, 5] = 2.0 * width * reach / mean, converging
        if reach > TIE * close:
            out[k, 4], why[k, 4] = 0.5 + (close - mean) / (2.0 * width * reach), converging
            out[k, 6], why[k, 6] = deviation / reach, converging
        else:
            why[k, 4] = why[k, 6] = EDGE
        if n >= LONG:
            out[k, 2], out[k, 3], _ = _bands(long_beyond, long_squares, LONG, width, close)
            why[k, 2], why[k, 3] = EDGE if math.isnan(out[k, 2]) else 0, 0


register(
    Group(
        name="bollinger",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=COLUMNS,
        params=Params(WIDTH, CONVERGED, POWERS_CONVERGED),
        init=init,
        update=update,
        version=2,
    )
)
