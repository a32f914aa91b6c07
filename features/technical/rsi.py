"""Relative strength index.

Seed:   mean of the first n gains and losses, then Wilder's smoothing, as TA-Lib.
Edges:  undefined where neither gain nor loss is left: a flat series (TA-Lib gives 0 there, others 50 or 100). A
        remembered move below 1e-30 of the price counts as none.
Cost:   O(1) a bar, 2 numbers a series.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import burn_in, settled, standing
from features.inputs import BarInputs, History
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

WINDOW = 14
CONVERGED = WINDOW + 1 + burn_in(1 - 1 / WINDOW)
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    window: int
    converged: int  # bars


class State(NamedTuple):
    gain: Float64  # (series,) sum of the first gains while seeding, then their average, quote currency
    loss: Float64


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros(n_symbols * n_timeframes) for _ in State._fields))


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window = params.window
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        if n == 1:
            state.gain[i], state.loss[i] = 0.0, 0.0
        else:
            change = close - bars.previous_close[k]
            change = change if abs(change) > TIE * close else 0.0
            gain, loss = max(change, 0.0), max(-change, 0.0)
            if n <= window:
                state.gain[i] += gain
                state.loss[i] += loss
            else:
                kept = 1.0 if n == window + 1 else window - 1.0
                gain, loss = (state.gain[i] * kept + gain) / window, (state.loss[i] * kept + loss) / window
                moved = settled(gain + loss, close)
                state.gain[i] = settled(gain, moved) if moved > 0.0 else 0.0
                state.loss[i] = settled(loss, moved) if moved > 0.0 else 0.0
        moved = state.gain[i] + state.loss[i]
        out[k, 0], why[k, 0] = np.nan, standing(n, window + 1, params.converged)
        if n > window and moved == 0.0:
            why[k, 0] = EDGE
        elif n > window:
            out[k, 0] = 100.0 * (state.gain[i] / moved)


register(
    Group(
        name="rsi",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            Column(
                name="rsi_14",
                formula="100 * gain / (gain + loss), Wilder averages of the close's rises and falls",
                source="Wilder (1978); TA-Lib RSI",
                inputs=("close",),
                driver=Driver.BAR,
                window=0,
                warm_up=WINDOW + 1,
                unit="percent",
                range=(0.0, 100.0),
                oracle="talib.RSI",
                params={"window": WINDOW, "converged": CONVERGED},
                edges="flat: undefined",
            ),
        ),
        params=Params(WINDOW, CONVERGED),
        init=init,
        update=update,
    )
)
