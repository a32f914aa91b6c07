"""Chaikin money flow: volume weighted by where each bar closed in its range.

Seed:   none.
Edges:  a bar without range counts 0, as TA-Lib's A/D line; NO_TRADES where the window has no volume.
Cost:   O(n) a bar, n numbers a series: the window is summed anew each bar, so that a huge trade leaves no trace once
        it is out of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

WINDOW = 20
NO_TRADES = int(Why.NO_TRADES)


class Params(NamedTuple):
    window: int


class State(NamedTuple):
    flow: Float64  # (series, WINDOW) volume of each bar, weighted from -1 (closed low) to 1 (closed high)


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(np.zeros((n_symbols * n_timeframes, WINDOW)))


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window = params.window
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        high, low, close = bars.high[k], bars.low[k], bars.close[k]
        place = ((close - low) - (high - close)) / (high - low) if high - low > TIE * high else 0.0
        slot = n % window
        state.flow[i, slot] = place * bars.volume[k]
        if n < window:
            out[k, 0], why[k, 0] = np.nan, WARMING_UP
            continue
        flow = volume = 0.0
        for lag in range(window):  # both from the newest back: rounded alike, |flow| stays below volume
            flow += state.flow[i, slot]
            volume += past(history.volume, i, n, lag)
            slot = slot - 1 if slot > 0 else window - 1
        if volume == 0.0:
            out[k, 0], why[k, 0] = np.nan, NO_TRADES
        else:
            out[k, 0], why[k, 0] = flow / volume, 0


register(
    Group(
        name="chaikin",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            Column(
                name="cmf_20",
                formula="sum of ((close - low) - (high - close)) / (high - low) * volume over sum of volume, 20 bars",
                source="Chaikin; the A/D line's weights as in TA-Lib AD",
                inputs=("high", "low", "close", "volume"),
                driver=Driver.BAR,
                window=WINDOW,
                warm_up=WINDOW,
                unit="ratio",
                range=(-1.0, 1.0),
                oracle="naive",
                params={"window": WINDOW},
                edges="no volume: NO_TRADES",
            ),
        ),
        params=Params(WINDOW),
        init=init,
        update=update,
    )
)
