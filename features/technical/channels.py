"""Channels between the highest high and the lowest low: Donchian and Ichimoku.

Seed:   none.
Edges:  a position in a channel without width is undefined, and so is the place in a cloud whose edges meet.
Cost:   O(1) a bar, 192 numbers a series: all extremes at once, see `extremes`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History
from features.technical.channel_rows import AHEAD, COLUMNS, WARM_UPS
from features.technical.extremes import SLOTS, highest
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

EDGE = int(Why.EDGE)
KEPT = 32  # lines of the cloud kept: a power of two above AHEAD


class Params(NamedTuple):
    warm_ups: tuple[int, ...]  # bars, a column


class State(NamedTuple):
    high: Float64  # (SLOTS, series) highest highs
    low: Float64  # (SLOTS, series) highest of -low
    cloud: Float64  # (KEPT, 2, series) spans A and B as they came


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    high, low = np.zeros((2, SLOTS, series))
    return State(high, low, np.zeros((KEPT, 2, series)))


@njit(cache=True, inline="always")
def _donchian(close: float, high: float, low: float, out: Float64, why: UInt8, k: int, at: int) -> None:
    """Write position and width."""
    span = high - low
    out[k, at + 1] = 2.0 * span / (high + low)
    if span > TIE * high:
        out[k, at] = (close - low) / span
    else:
        out[k, at], why[k, at] = np.nan, EDGE


@njit(cache=True, inline="always")
def _clouded(close: float, first: float, second: float, out: Float64, why: UInt8, k: int) -> None:
    """Write the distances from spans A and B and the place in the cloud between them."""
    above, other, width = close - first, close - second, abs(first - second)
    out[k, 6], out[k, 7] = above / first, other / second
    if width > TIE * close:
        out[k, 8] = min(max((above + other) / width, -1.0), 1.0)
    else:
        out[k, 8], why[k, 8] = np.nan, EDGE


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    warm_ups = params.warm_ups
    longest = max(warm_ups)
    highs, lows, cloud = state
    series, nth, high_now, low_now, close_now = bars.series, bars.n, bars.high, bars.low, bars.close
    for k in range(len(series)):
        i, n, high, low, close = series[k], nth[k], high_now[k], low_now[k], close_now[k]
        high_9, high_20, high_26, high_52, high_55 = highest(highs, i, n - 1, high)
        low_9, low_20, low_26, low_52, low_55 = highest(lows, i, n - 1, -low)
        slot = (n - 1) & (KEPT - 1)
        cloud[slot, 0, i] = 0.25 * ((high_9 - low_9) + (high_26 - low_26))
        cloud[slot, 1, i] = 0.5 * (high_52 - low_52)
        for column in range(len(warm_ups)):
            why[k, column] = 0
        _donchian(close, high_20, -low_20, out, why, k, 0)
        _donchian(close, high_55, -low_55, out, why, k, 2)
        out[k, 4] = ((close - high_9) + (close + low_9)) / (high_9 - low_9)
        out[k, 5] = ((close - high_26) + (close + low_26)) / (high_26 - low_26)
        old = (n - 1 - AHEAD) & (KEPT - 1)
        if n > AHEAD:
            _clouded(close, cloud[old, 0, i], cloud[old, 1, i], out, why, k)
        if n < longest:
            for column in range(len(warm_ups)):
                if n < warm_ups[column]:
                    out[k, column], why[k, column] = np.nan, WARMING_UP


register(
    Group(
        name="channels",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=COLUMNS,
        params=Params(WARM_UPS),
        init=init,
        update=update,
    )
)
