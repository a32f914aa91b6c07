"""Oscillators of the bars' ranges: Vortex, ultimate oscillator, CCI, mass index.

Seed:   the mass index's averages with the mean of their first 9 inputs.
Edges:  undefined where no range is left in the (shortest) window; the mass index where one of its 25 ratios is: where
        the averages' average is 1e-30 of the price or less. Until then both averages are kept whole (down to 1e-60),
        so that those of a long flat stretch die together.
Cost:   O(1) a bar, O(20) for CCI's mean deviation; 184 numbers a series. Sums slide and are summed anew once a lap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Family, Group, Stage, register
from features.decay import NEGLIGIBLE, WARMING_UP, settled, standing
from features.inputs import BarInputs, History, past
from features.technical.move_sums import DOWN, KEPT, PRESSURE, RANGE, SUMS, UP, moved
from features.technical.swing_rows import CONVERGED, LONG, MASS, MASS_READY, ROWS, SPAN, TYPICAL
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

READY = np.array([column.warm_up for column in ROWS])
VORTEX, ULTIMATE = LONG // 2 + 1, LONG + 1  # bars
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    long: int
    typical: int
    span: int
    mass: int


class State(NamedTuple):
    sums: Float64  # (series, SUMS) see `move_sums`, quote currency
    kept: Float64  # (KEPT, series, 4) the last bars' moves
    typical: Float64  # (series, TYPICAL) the last typical prices, unordered
    means: Float64  # (series, 3) average of the ranges, and of that; sum of the ratios
    ratios: Float64  # (MASS, series) the last ratios of the two, unordered; 0 where undefined
    defined: Int64  # (series,) bars in a row whose ratio is defined


def init(n_symbols: int, n_timeframes: int) -> State:
    n, zeros = n_symbols * n_timeframes, np.zeros
    kept, typical = zeros((KEPT, n, 4)), zeros((n, TYPICAL))
    return State(zeros((n, SUMS)), kept, typical, zeros((n, 3)), zeros((MASS, n)), zeros(n, np.int64))


@njit(cache=True, inline="always")
def _channel(typical: Float64, i: int, now: float) -> float:
    """Return CCI, or NaN where typical prices don't deviate from their mean."""
    a = b = c = d = 0.0  # four sums at a time
    for j in range(0, TYPICAL, 4):
        a, b = a + (now - typical[i, j]), b + (now - typical[i, j + 1])
        c, d = c + (now - typical[i, j + 2]), d + (now - typical[i, j + 3])
    above = (a + b + c + d) * (1.0 / TYPICAL)
    mean = now - above
    a = b = c = d = 0.0
    for j in range(0, TYPICAL, 4):
        a, b = a + abs(mean - typical[i, j]), b + abs(mean - typical[i, j + 1])
        c, d = c + abs(mean - typical[i, j + 2]), d + abs(mean - typical[i, j + 3])
    deviation = (a + b + c + d) * (1.0 / TYPICAL)
    return above / (0.015 * deviation) if deviation > TIE * now else np.nan


@njit(cache=True, inline="always")
def _mass(means: Float64, ratios: Float64, defined: Int64, i: int, n: int, spread: float, close: float) -> float:
    """Return the sum of the last MASS ratios of the range's average to that one's; NaN where one is undefined."""
    if n == 1:
        means[i, 0] = means[i, 1] = means[i, 2] = 0.0
        defined[i] = 0
        for j in range(MASS):
            ratios[j, i] = 0.0
    seen, weight, none = n, 2.0 / (SPAN + 1.0), NEGLIGIBLE * close
    one = means[i, 0]
    one = means[i, 0] = settled(one + (spread - one) * (1.0 / seen if seen <= SPAN else weight), none)
    seen = n - SPAN + 1
    if seen < 1:
        return np.nan
    two = means[i, 1]
    two = means[i, 1] = settled(two + (one - two) * (1.0 / seen if seen <= SPAN else weight), none)
    if seen < SPAN:
        return np.nan
    slot, ratio = n % MASS, one / two if two > none else 0.0
    defined[i] = defined[i] + 1 if two > none else 0
    means[i, 2] += ratio - ratios[slot, i]
    ratios[slot, i] = ratio
    if slot == 0:
        means[i, 2] = 0.0
        for j in range(MASS):
            means[i, 2] += ratios[j, i]
    return float(means[i, 2]) if defined[i] >= MASS else np.nan


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    sums, kept, typicals, means, ratios, defined = state
    highs, lows, closes_before = history.high, history.low, bars.previous_close
    series, nth, high_now, low_now, close_now = bars.series, bars.n, bars.high, bars.low, bars.close
    for k in range(len(series)):
        i, n, high, low, close = series[k], nth[k], high_now[k], low_now[k], close_now[k]
        none, spread = TIE * close, high - low
        for j in range(len(READY)):
            out[k, j] = np.nan
        if n == 1:
            for j in range(SUMS):
                sums[i, j] = 0.0
        else:
            high_1, low_1 = past(highs, i, n, 1), past(lows, i, n, 1)
            moved(sums, kept, i, n, high, low, close, high_1, low_1, closes_before[k])
        if n >= VORTEX and sums[i, RANGE + 1] > none:
            per = 1.0 / sums[i, RANGE + 1]
            out[k, 0], out[k, 1] = max(sums[i, UP], 0.0) * per, max(sums[i, DOWN], 0.0) * per
            if n >= ULTIMATE and sums[i, RANGE] > none:
                short = min(max(sums[i, PRESSURE] / sums[i, RANGE], 0.0), 1.0)
                middle = min(max(sums[i, PRESSURE + 1] * per, 0.0), 1.0)
                long = min(max(sums[i, PRESSURE + 2] / sums[i, RANGE + 2], 0.0), 1.0)
                out[k, 2] = (100.0 / 7.0) * (4.0 * short + 2.0 * middle + long)
        typical = (high + low + close) * (1.0 / 3.0)
        typicals[i, n % TYPICAL] = typical
        if n >= TYPICAL:
            out[k, 3] = _channel(typicals, i, typical)
        out[k, 4] = _mass(means, ratios, defined, i, n, spread if spread > none else 0.0, close)
        for j in range(len(READY)):
            why[k, j] = EDGE if np.isnan(out[k, j]) else 0
            if n < READY[j]:
                out[k, j], why[k, j] = np.nan, WARMING_UP
        if why[k, 4] == 0:
            why[k, 4] = standing(n, MASS_READY, CONVERGED)


register(
    Group(
        name="swings",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=ROWS,
        params=Params(LONG, TYPICAL, SPAN, MASS),
        init=init,
        update=update,
        version=3,
    )
)
