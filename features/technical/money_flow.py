"""Money flow index: traded value of rising against falling bars.

Seed:   none.
Edges:  a bar's direction is the typical price's; unchanged counts for neither side, as TA-Lib. NO_TRADES where the
        window has no volume; undefined where it has no directed value (TA-Lib gives 0, also below a value of 1).
Cost:   O(n) a bar, n + 1 numbers a series: the window is summed anew each bar, so that a huge trade leaves no trace
        once it is out of it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

WINDOW = 14
EDGE, NO_TRADES = int(Why.EDGE), int(Why.NO_TRADES)


class Params(NamedTuple):
    window: int


class State(NamedTuple):
    flow: Float64  # (series, WINDOW) typical price * volume, signed by direction; quote currency
    traded: Int64  # (series,) n of the last bar with volume, 0 before


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    return State(np.zeros((series, WINDOW)), np.zeros(series, np.int64))


@njit(cache=True, inline="always")
def typical_price(history: History, i: int, n: int, lag: int) -> float:
    """Return the mean of high, low and close `lag` bars ago."""
    return (past(history.high, i, n, lag) + past(history.low, i, n, lag) + past(history.close, i, n, lag)) / 3.0


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window = params.window
    for k in range(len(bars.series)):
        i, n, volume = bars.series[k], bars.n[k], bars.volume[k]
        out[k, 0], why[k, 0] = np.nan, WARMING_UP
        if volume > 0.0:
            state.traded[i] = n
        if n > 1:
            now, before = typical_price(history, i, n, 0), typical_price(history, i, n, 1)
            change = now - before
            direction = 0.0 if abs(change) <= TIE * now else math.copysign(1.0, change)
            state.flow[i, n % window] = direction * (now * volume)
        if n <= window:
            continue
        into = out_of = 0.0
        for slot in range(window):
            into += max(state.flow[i, slot], 0.0)
            out_of += max(-state.flow[i, slot], 0.0)
        if n - state.traded[i] >= window:
            why[k, 0] = NO_TRADES
        elif into + out_of == 0.0:
            why[k, 0] = EDGE
        else:
            out[k, 0], why[k, 0] = 100.0 * (into / (into + out_of)), 0


register(
    Group(
        name="money_flow",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            Column(
                name="mfi_14",
                formula="100 * into / (into + out of): typical price * volume of the last 14 rising and falling bars",
                source="Quong and Soudack (1989); TA-Lib MFI",
                inputs=("high", "low", "close", "volume"),
                driver=Driver.BAR,
                window=WINDOW + 1,
                warm_up=WINDOW + 1,
                unit="percent",
                range=(0.0, 100.0),
                oracle="naive; talib.MFI",
                params={"window": WINDOW},
                edges="no volume: NO_TRADES; typical price unchanged all along: undefined",
                ties="direction of the typical price: equal decimals (within 1e-12 of the price) count for neither",
            ),
        ),
        params=Params(WINDOW),
        init=init,
        update=update,
    )
)
