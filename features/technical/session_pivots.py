"""Classic pivots of the session before: its high, low and last close, extended hours included.

Seed:   none.
Edges:  WARMING_UP until a session has passed. A first session that the stream entered late gives pivots all the same.
Cost:   O(1) a bar, 7 numbers a series.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History
from schema.bars import BarFlag
from schema.ticks import Float64, Int64, UInt8

SESSION_FIRST = int(BarFlag.SESSION_FIRST)


class Params(NamedTuple):
    session_first: int  # the flag that begins a session


class State(NamedTuple):
    high: Float64  # (series,) of this session so far, quote currency
    low: Float64
    close: Float64
    pivot: Float64  # (series,) of the session before
    resistance: Float64
    support: Float64
    sessions: Int64  # (series,) begun


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    high, low, close, pivot, resistance, support = np.zeros((6, series))
    return State(high, low, close, pivot, resistance, support, np.zeros(series, np.int64))


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, high, low, close = bars.series[k], bars.high[k], bars.low[k], bars.close[k]
        if bars.n[k] == 1 or bars.flags[k] & params.session_first:
            pivot = (state.high[i] + state.low[i] + state.close[i]) / 3.0
            state.pivot[i] = pivot
            state.resistance[i], state.support[i] = 2.0 * pivot - state.low[i], 2.0 * pivot - state.high[i]
            state.high[i], state.low[i] = high, low
            state.sessions[i] += 1
        else:
            state.high[i], state.low[i] = max(state.high[i], high), min(state.low[i], low)
        state.close[i] = close
        if state.sessions[i] < 2:
            out[k, :], why[k, :] = np.nan, WARMING_UP
        else:
            out[k, 0] = (close - state.pivot[i]) / close
            out[k, 1] = (close - state.resistance[i]) / close
            out[k, 2] = (close - state.support[i]) / close
            why[k, :] = 0


_column = partial(
    Column,
    source="classic floor pivots",
    inputs=("high", "low", "close", "flags"),
    driver=Driver.SESSION,
    window=2,
    warm_up=2,
    unit="ratio",
    range=(float("-inf"), float("inf")),
    oracle="naive",
    sessions="resets",
)
register(
    Group(
        name="session_pivots",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            _column("pivot_distance", "(close - pivot) / close, pivot = (high + low + close) / 3 of the last session"),
            _column("pivot_r1_distance", "(close - r1) / close, r1 = 2 * pivot - low of the last session"),
            _column("pivot_s1_distance", "(close - s1) / close, s1 = 2 * pivot - high of the last session"),
        ),
        params=Params(SESSION_FIRST),
        init=init,
        update=update,
    )
)
