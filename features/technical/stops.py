"""Stops that follow a trend: parabolic SAR and SuperTrend.

Seed:   SAR as TA-Lib: the second bar goes short if its low fell further than its high rose, else long; SuperTrend
        goes long with the first average range, which starts with the mean of 10 true ranges, as TA-Lib ATR.
Edges:  none. Where a stop stands depends on the first bars until a few reversals later: at 60,000, for 97 bars at most
        of 75 starts. It has converged after twice that.
Cost:   O(1) a bar, 10 numbers a series.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Family, Group, Stage, register
from features.decay import WARMING_UP, standing
from features.inputs import BarInputs, History
from features.technical.natr import ranged, true_range
from features.technical.stop_rows import COLUMNS, CONVERGED, MOST, STEP, WIDTH, WINDOW
from features.ties import TIE
from schema.ticks import Float64, UInt8


class Params(NamedTuple):
    step: float  # acceleration, a new extreme
    most: float
    window: int
    width: float  # average ranges
    converged: int


class State(NamedTuple):
    high: Float64  # (series,) of the last bar, quote currency
    low: Float64
    way: Float64  # (series,) 1 long, -1 short
    stop: Float64  # (series,) SAR of the next bar, quote currency
    extreme: Float64  # (series,) of the trend
    pace: Float64  # (series,) acceleration
    range: Float64  # (series,) average true range
    side: Float64  # (series,) SuperTrend: 1 long, -1 short
    floor: Float64  # (series,) its lower line
    ceiling: Float64  # (series,) its upper line


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros(n_symbols * n_timeframes) for _ in State._fields))


@njit(cache=True, inline="always")
def parabolic(
    way: float, stop: float, extreme: float, pace: float, high: float, low: float, was_high: float, was_low: float,
    step: float, most: float,
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Return the SAR of a bar, then way, stop, extreme and pace for the next; a short trend is a long one mirrored."""
    tie = TIE * high
    if way < 0.0:
        high, low, was_high, was_low, stop, extreme = -low, -high, -was_low, -was_high, -stop, -extreme
    if low <= stop + tie:  # reversed: what follows is mirrored
        now = max(extreme, max(was_high, high))
        ahead = max(now + step * (low - now), max(was_high, high))
        sar, way, stop, extreme, pace = way * now, -way, way * ahead, way * low, step
        return sar, way, stop, extreme, pace
    if high > extreme + tie:
        extreme, pace = high, min(pace + step, most)
    ahead = min(stop + pace * (extreme - stop), min(was_low, low))
    return way * stop, way, way * ahead, way * extreme, pace


@njit(cache=True, inline="always")
def trailed(
    side: float, floor: float, ceiling: float, before: float, close: float, middle: float, reach: float
) -> tuple[float, float, float]:
    """Return side, lower and upper line of SuperTrend; a line that the close before respected never steps back."""
    tie = TIE * close
    lower = max(middle - reach, floor) if before > floor + tie else middle - reach
    upper = min(middle + reach, ceiling) if before < ceiling - tie else middle + reach
    if side < 0.0 and close > ceiling + tie:
        return 1.0, lower, upper
    if side > 0.0 and close < floor - tie:
        return -1.0, lower, upper
    return side, lower, upper


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    step, most, window, width = params.step, params.most, params.window, params.width
    for k in range(len(bars.series)):
        i, n, high, low, close = bars.series[k], bars.n[k], bars.high[k], bars.low[k], bars.close[k]
        out[k, :], why[k, :] = np.nan, WARMING_UP
        before = bars.previous_close[k]
        now = true_range(high, low, before)
        reach = state.range[i] = ranged(state.range[i], now, n, window, close)
        if n > 1:
            was_high, was_low = state.high[i], state.low[i]
            if n == 2:
                fell, rose = was_low - low, high - was_high
                short = fell > TIE * close and fell > rose + TIE * close
                state.way[i] = -1.0 if short else 1.0
                state.stop[i], state.extreme[i] = (was_high, low) if short else (was_low, high)
                state.pace[i], was_high, was_low = step, high, low
            sar, state.way[i], state.stop[i], state.extreme[i], state.pace[i] = parabolic(
                state.way[i], state.stop[i], state.extreme[i], state.pace[i], high, low, was_high, was_low, step, most
            )
            out[k, 0], out[k, 1] = (close - sar) / close, state.way[i]
            why[k, 0] = why[k, 1] = standing(n, 2, params.converged)
        state.high[i], state.low[i] = high, low
        if n > window:
            middle = 0.5 * (high + low)
            if n == window + 1:
                side, floor, ceiling = 1.0, middle - width * reach, middle + width * reach
            else:
                side, floor, ceiling = trailed(
                    state.side[i], state.floor[i], state.ceiling[i], before, close, middle, width * reach
                )
            state.side[i], state.floor[i], state.ceiling[i] = side, floor, ceiling
            out[k, 2], out[k, 3] = (close - (floor if side > 0.0 else ceiling)) / close, side
            why[k, 2] = why[k, 3] = standing(n, window + 1, params.converged)


register(
    Group(
        name="stops",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=COLUMNS,
        params=Params(STEP, MOST, WINDOW, WIDTH, CONVERGED),
        init=init,
        update=update,
        version=2,
    )
)
