"""Volume since the session's start: on-balance volume and the distance from the volume-weighted average price.

Seed:   every session begins anew; on-balance volume begins with its first bar's volume, as TA-Lib with its first.
Edges:  NO_TRADES until the session has seen volume.
Cost:   O(1) a bar, 4 numbers a series. Traded value is summed as notional - anchor * volume, the anchor being the
        session's first close, so that the sum keeps its digits over a day of bars.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.inputs import BarInputs, History
from features.ties import TIE
from schema.bars import BarFlag
from schema.reasons import Why
from schema.ticks import Float64, UInt8

SESSION_FIRST = int(BarFlag.SESSION_FIRST)
NO_TRADES = int(Why.NO_TRADES)


class Params(NamedTuple):
    session_first: int  # the flag that starts anew


class State(NamedTuple):
    anchor: Float64  # (series,) the session's first close
    volume: Float64  # (series,) of the session
    value: Float64  # (series,) notional beyond anchor * volume, quote currency
    balance: Float64  # (series,) on-balance volume


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros(n_symbols * n_timeframes) for _ in State._fields))


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, close, volume = bars.series[k], bars.close[k], bars.volume[k]
        if bars.n[k] == 1 or bars.flags[k] & params.session_first:
            state.anchor[i], state.volume[i], state.value[i] = close, volume, bars.notional[k] - close * volume
            state.balance[i] = volume
        else:
            state.volume[i] += volume
            state.value[i] += bars.notional[k] - state.anchor[i] * volume
            change = close - bars.previous_close[k]
            if abs(change) > TIE * close:
                state.balance[i] += math.copysign(volume, change)
        if state.volume[i] == 0.0:
            out[k, :], why[k, :] = np.nan, NO_TRADES
        else:
            beyond = state.value[i] / state.volume[i]
            out[k, 0] = state.balance[i]
            out[k, 1] = ((close - state.anchor[i]) - beyond) / (state.anchor[i] + beyond)
            why[k, :] = 0


_column = partial(Column, driver=Driver.BAR, window=0, warm_up=1, edges="no volume yet: NO_TRADES", sessions="resets")
register(
    Group(
        name="session_volume",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            _column(
                "obv",
                "volume of bars that closed higher - volume of bars that closed lower, since the session's start",
                "Granville (1963); TA-Lib OBV, session by session",
                ("close", "volume", "flags"),
                unit="size",
                range=(float("-inf"), float("inf")),
                oracle="talib.OBV",
                degree_size=1,
                ties="an equal close adds nothing",
            ),
            _column(
                "vwap_distance_session",
                "close / (notional / volume since the session's start) - 1",
                "Berkowitz, Logue and Noser (1988)",
                ("close", "volume", "notional", "flags"),
                unit="ratio",
                range=(-1.0, float("inf")),
                oracle="naive",
            ),
        ),
        params=Params(SESSION_FIRST),
        init=init,
        update=update,
    )
)
