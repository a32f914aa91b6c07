"""Volume since the session's start: its balances, and the distance from the volume-weighted average price.

Seed:   every session begins anew; on-balance volume begins with its first bar's volume, as TA-Lib with its first, the
        A/D line with its first bar's flow, the price-volume trend with 0.
Edges:  NO_TRADES until the session has seen volume. A bar without range adds nothing to the A/D line, as TA-Lib.
Cost:   O(1) a bar, 6 numbers a series. Traded value is summed as notional - anchor * volume, the anchor being the
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
    flow: Float64  # (series,) A/D line
    trend: Float64  # (series,) price-volume trend


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros(n_symbols * n_timeframes) for _ in State._fields))


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, close, volume, high, low = bars.series[k], bars.close[k], bars.volume[k], bars.high[k], bars.low[k]
        flow = volume * (((close - low) - (high - close)) / (high - low)) if high - low > TIE * high else 0.0
        if bars.n[k] == 1 or bars.flags[k] & params.session_first:
            state.anchor[i], state.volume[i], state.value[i] = close, volume, bars.notional[k] - close * volume
            state.balance[i], state.flow[i], state.trend[i] = volume, flow, 0.0
        else:
            state.volume[i] += volume
            state.value[i] += bars.notional[k] - state.anchor[i] * volume
            state.flow[i] += flow
            change = close - bars.previous_close[k]
            if abs(change) > TIE * close:
                state.balance[i] += math.copysign(volume, change)
                state.trend[i] += volume * (change / bars.previous_close[k])
        if state.volume[i] == 0.0:
            out[k, :], why[k, :] = np.nan, NO_TRADES
        else:
            beyond = state.value[i] / state.volume[i]
            out[k, 0] = state.balance[i]
            out[k, 1] = ((close - state.anchor[i]) - beyond) / (state.anchor[i] + beyond)
            out[k, 2], out[k, 3] = state.flow[i], state.trend[i]
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
            _column(
                "ad_line",
                "sum of ((close - low) - (high - close)) / (high - low) * volume since the session's start",
                "Williams, Chaikin; TA-Lib AD, session by session",
                ("high", "low", "close", "volume", "flags"),
                unit="size",
                range=(float("-inf"), float("inf")),
                oracle="talib.AD",
                degree_size=1,
            ),
            _column(
                "price_volume_trend",
                "sum of (close / close before - 1) * volume since the session's start",
                "price-volume trend, session by session",
                ("close", "volume", "flags"),
                unit="size",
                range=(float("-inf"), float("inf")),
                oracle="naive",
                degree_size=1,
            ),
        ),
        params=Params(SESSION_FIRST),
        init=init,
        update=update,
    )
)
