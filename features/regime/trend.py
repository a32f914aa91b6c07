"""Strength of the trend, the state it makes, and how long that has lasted.

The state becomes 1 (bull) or -1 (bear) when the strength passes 1 / pi that way, and 0 (sideways) when it falls below
half of that. A random walk of 60 bars has a strength of about 0.16, so these are two deviations and one. No ratio of
whole ticks equals 1 / pi, so integer prices make no ties.

Seed:   the state is 0 until the first strength; bars in it count from the series' first bar.
Edges:  the strength is undefined where no close of the window differs from the one before it; the state is then 0.
Cost:   O(1) a bar, 4 numbers a series. The path slides by changes, and is summed anew every n-th bar and in a window
        without moves.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

WINDOW = 60
ENTER, LEAVE = 1 / math.pi, 0.5 / math.pi
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    window: int
    enter: float
    leave: float


class State(NamedTuple):
    path: Float64  # (series,) sum of the window's absolute changes, quote currency
    moves: Int64  # (series,) how many of them are not 0
    trend: Int64  # (series,) -1, 0 or 1
    bars: Int64  # (series,) bars in that state


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    return State(np.zeros(series), *(np.zeros(series, np.int64) for _ in range(3)))


@njit(cache=True)
def _change(closes: Float64, i: int, n: int, lag: int) -> float:
    close = past(closes, i, n, lag)
    change = abs(close - past(closes, i, n, lag + 1))
    return change if change > TIE * close else 0.0


@njit(cache=True)
def _slide(state: State, closes: Float64, i: int, n: int, window: int) -> None:
    """Move the path on to the n-th bar, n > window."""
    if (n - 1) % window == 0:
        state.path[i], state.moves[i] = 0.0, 0
        for lag in range(window):
            state.path[i] += _change(closes, i, n, lag)
            state.moves[i] += _change(closes, i, n, lag) > 0.0
        return
    new, old = _change(closes, i, n, 0), _change(closes, i, n, window)
    state.moves[i] += int(new > 0.0) - int(old > 0.0)
    state.path[i] = state.path[i] + new - old if state.moves[i] > 0 else 0.0


@njit(cache=True, inline="always")
def _next_trend(trend: int, strength: float, params: Params) -> int:
    if abs(strength) > params.enter:
        return 1 if strength > 0.0 else -1
    return trend if trend * strength > params.leave else 0


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window = params.window
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        state.bars[i] += 1
        if n <= window:
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        _slide(state, history.close, i, n, window)
        moved = state.moves[i] > 0
        strength = (close - past(history.close, i, n, window)) / state.path[i] if moved else 0.0
        trend = _next_trend(state.trend[i], strength, params)
        if trend != state.trend[i]:
            state.trend[i], state.bars[i] = trend, 1
        out[k, 0], why[k, 0] = (max(-1.0, min(strength, 1.0)), 0) if moved else (np.nan, EDGE)
        out[k, 1], out[k, 2] = trend, state.bars[i]
        why[k, 1:] = 0


_column = partial(Column, inputs=("close",), driver=Driver.BAR, warm_up=WINDOW + 1)
_TIES = "strength against 1 / pi and half of it"
_STATE = {"window": WINDOW, "enter": ENTER, "leave": LEAVE}
register(
    Group(
        name="trend",
        family=Family.REGIME,
        stage=Stage.BARS,
        columns=(
            _column(
                "trend_strength_60",
                "(close - close 60 bars ago) / sum of the 60 absolute changes between them",
                "Kaufman (1995), the efficiency ratio with a sign",
                window=WINDOW + 1,
                unit="ratio",
                range=(-1.0, 1.0),
                oracle="naive",
                params={"window": WINDOW},
                edges="flat: undefined",
            ),
            _column(
                "trend_state",
                "1 or -1 once |trend_strength_60| > 1 / pi, until it falls below half of that that way; else 0",
                "two thresholds on Kaufman's efficiency ratio",
                window=0,
                unit="state",
                range=(-1.0, 1.0),
                oracle="naive",
                params=_STATE,
                ties=_TIES,
            ),
            _column(
                "bars_in_trend_state",
                "bars since trend_state last changed, that one included",
                "definition",
                window=0,
                unit="bars",
                range=(1.0, float("inf")),
                oracle="naive",
                params=_STATE,
                ties=_TIES,
            ),
        ),
        params=Params(WINDOW, ENTER, LEAVE),
        init=init,
        update=update,
    )
)
