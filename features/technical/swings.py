"""Oscillators of the bars' ranges: Vortex, ultimate oscillator, awesome oscillator, CCI, mass index.

Seed:   the mass index's averages with the mean of their first 9 inputs.
Edges:  undefined where no range is left in the (shortest) window; the mass index where one of its 25 ratios is: where
        the averages' average is 1e-30 of the price or less. Until then both averages are kept whole (down to 1e-60),
        so that those of a long flat stretch die together.
Cost:   O(1) a bar, O(20) for CCI's mean deviation; 59 numbers a series. Sums slide and are summed anew once a lap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Family, Group, Stage, register
from features.decay import NEGLIGIBLE, WARMING_UP, settled, standing
from features.inputs import BarInputs, History, past
from features.technical.natr import true_range
from features.technical.swing_rows import CONVERGED, FAST, LONG, MASS, MASS_READY, ROWS, SLOW, SPAN, TYPICAL
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

READY = np.array([column.warm_up for column in ROWS])
VORTEX, ULTIMATE = LONG // 2 + 1, LONG + 1  # bars
WINDOWS = np.array((LONG // 4, LONG // 2, LONG))
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    long: int
    fast: int
    slow: int
    typical: int
    span: int
    mass: int


class State(NamedTuple):
    moved: Float64  # (series, 8) sums over WINDOWS of true ranges, then of pressures; Vortex's two, quote currency
    middle: Float64  # (series, 2) sums of this bar's middle minus each of the last FAST, SLOW
    typical: Float64  # (series, TYPICAL) the last typical prices, unordered
    spread: Float64  # (series, 2) average of the ranges, and of that
    ratios: Float64  # (MASS, series) the last ratios of the two, unordered; 0 where undefined
    ratio_sum: Float64  # (series,)
    defined: Int64  # (series,) bars in a row whose ratio is defined


def init(n_symbols: int, n_timeframes: int) -> State:
    n, zeros = n_symbols * n_timeframes, np.zeros
    sums, typical, ratios = zeros((n, 8)), zeros((n, TYPICAL)), zeros((MASS, n))
    return State(sums, zeros((n, 2)), typical, zeros((n, 2)), ratios, zeros(n), zeros(n, np.int64))


@njit(cache=True, error_model="numpy")
def _moves(high: Float64, low: Float64, close: Float64, i: int, n: int, lag: int) -> tuple[float, float, float, float]:
    """Return true range, buying pressure and Vortex's two moves of the bar `lag` bars ago."""
    top, bottom, last = past(high, i, n, lag), past(low, i, n, lag), past(close, i, n, lag + 1)
    up, down = top - past(low, i, n, lag + 1), past(high, i, n, lag + 1) - bottom
    return true_range(top, bottom, last), past(close, i, n, lag) - min(bottom, last), abs(up), abs(down)


@njit(cache=True, error_model="numpy")
def _summed(moved: Float64, high: Float64, low: Float64, close: Float64, i: int, n: int) -> None:
    """Sum the moves anew."""
    for j in range(8):
        moved[i, j] = 0.0
    for lag in range(LONG):
        now, pressure, up, down = _moves(high, low, close, i, n, lag)
        for j in range(3):
            if lag < WINDOWS[j]:
                moved[i, j] += now
                moved[i, 3 + j] += pressure
        if lag < WINDOWS[1]:
            moved[i, 6] += up
            moved[i, 7] += down


@njit(cache=True, inline="always")
def _slid(moved: Float64, high: Float64, low: Float64, close: Float64, i: int, n: int) -> None:
    """Slide the sums of moves on."""
    now, pressure, up, down = _moves(high, low, close, i, n, 0)
    for j in range(3):
        gone, gone_pressure, gone_up, gone_down = 0.0, 0.0, 0.0, 0.0
        if n - 1 > WINDOWS[j]:
            gone, gone_pressure, gone_up, gone_down = _moves(high, low, close, i, n, WINDOWS[j])
        moved[i, j] += now - gone
        moved[i, 3 + j] += pressure - gone_pressure
        if j == 1:
            moved[i, 6] += up - gone_up
            moved[i, 7] += down - gone_down


@njit(cache=True, error_model="numpy")
def _middles(middle: Float64, high: Float64, low: Float64, i: int, n: int) -> float:
    """Return the mean of the last FAST middles minus that of the last SLOW."""
    now = 0.5 * (past(high, i, n, 0) + past(low, i, n, 0))
    if n % SLOW == 0:
        middle[i] = 0.0
        for lag in range(1, SLOW):
            apart = now - 0.5 * (past(high, i, n, lag) + past(low, i, n, lag))
            middle[i, 0] += apart if lag < FAST else 0.0
            middle[i, 1] += apart
    else:
        move = now - 0.5 * (past(high, i, n, 1) + past(low, i, n, 1))
        middle[i, 0] += FAST * move - (now - 0.5 * (past(high, i, n, FAST) + past(low, i, n, FAST)))
        middle[i, 1] += SLOW * move - (now - 0.5 * (past(high, i, n, SLOW) + past(low, i, n, SLOW)))
    return float(middle[i, 1] / SLOW - middle[i, 0] / FAST)


@njit(cache=True, error_model="numpy")
def _channel(typical: Float64, i: int, now: float) -> float:
    """Return CCI, or NaN where typical prices don't deviate from their mean."""
    a = b = c = d = 0.0  # four sums at a time
    for j in range(0, TYPICAL, 4):
        a, b = a + (now - typical[i, j]), b + (now - typical[i, j + 1])
        c, d = c + (now - typical[i, j + 2]), d + (now - typical[i, j + 3])
    above = (a + b + c + d) / TYPICAL
    a = b = c = d = 0.0
    for j in range(0, TYPICAL, 4):
        a, b = a + abs(now - typical[i, j] - above), b + abs(now - typical[i, j + 1] - above)
        c, d = c + abs(now - typical[i, j + 2] - above), d + abs(now - typical[i, j + 3] - above)
    deviation = (a + b + c + d) / TYPICAL
    return above / (0.015 * deviation) if deviation > TIE * now else np.nan


@njit(cache=True, inline="always")
def _mass(state: State, i: int, n: int, spread: float, close: float) -> float:
    """Return the sum of the last MASS ratios of the range's average to that one's; NaN where one is undefined."""
    if n == 1:
        state.spread[i, 0] = state.spread[i, 1] = state.ratio_sum[i] = 0.0
        state.defined[i] = 0
        for j in range(MASS):
            state.ratios[j, i] = 0.0
    seen, weight, none = n, 2.0 / (SPAN + 1.0), NEGLIGIBLE * close
    one = state.spread[i, 0]
    one = state.spread[i, 0] = settled(one + (spread - one) * (1.0 / seen if seen <= SPAN else weight), none)
    seen = n - SPAN + 1
    if seen < 1:
        return np.nan
    two = state.spread[i, 1]
    two = state.spread[i, 1] = settled(two + (one - two) * (1.0 / seen if seen <= SPAN else weight), none)
    if seen < SPAN:
        return np.nan
    slot, ratio = n % MASS, one / two if two > none else 0.0
    state.defined[i] = state.defined[i] + 1 if two > none else 0
    state.ratio_sum[i] += ratio - state.ratios[slot, i]
    state.ratios[slot, i] = ratio
    if slot == 0:
        state.ratio_sum[i] = 0.0
        for j in range(MASS):
            state.ratio_sum[i] += state.ratios[j, i]
    return state.ratio_sum[i] if state.defined[i] >= MASS else np.nan


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    highs, lows, closes, moved = history.high, history.low, history.close, state.moved
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        none = TIE * close
        for j in range(len(READY)):
            out[k, j] = np.nan
        if n == 1:
            for j in range(8):
                moved[i, j] = 0.0
        elif n % LONG == 0 and n > LONG:
            _summed(moved, highs, lows, closes, i, n)
        else:
            _slid(moved, highs, lows, closes, i, n)
        if n >= VORTEX and moved[i, 1] > none:
            out[k, 0], out[k, 1] = max(moved[i, 6], 0.0) / moved[i, 1], max(moved[i, 7], 0.0) / moved[i, 1]
        if n >= ULTIMATE and moved[i, 0] > none:
            short = min(max(moved[i, 3] / moved[i, 0], 0.0), 1.0)
            middle = min(max(moved[i, 4] / moved[i, 1], 0.0), 1.0)
            out[k, 2] = 100.0 * ((4.0 * short + 2.0 * middle + min(max(moved[i, 5] / moved[i, 2], 0.0), 1.0)) / 7.0)
        if n >= SLOW:
            out[k, 3] = _middles(state.middle, highs, lows, i, n) / close
        typical = (bars.high[k] + bars.low[k] + close) / 3.0
        state.typical[i, n % TYPICAL] = typical
        if n >= TYPICAL:
            out[k, 4] = _channel(state.typical, i, typical)
        spread = bars.high[k] - bars.low[k]
        out[k, 5] = _mass(state, i, n, spread if spread > none else 0.0, close)
        for j in range(len(READY)):
            why[k, j] = EDGE if np.isnan(out[k, j]) else 0
            if n < READY[j]:
                out[k, j], why[k, j] = np.nan, WARMING_UP
        if why[k, 5] == 0:
            why[k, 5] = standing(n, MASS_READY, CONVERGED)


register(
    Group(
        name="swings",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=ROWS,
        params=Params(LONG, FAST, SLOW, TYPICAL, SPAN, MASS),
        init=init,
        update=update,
        version=2,
    )
)
