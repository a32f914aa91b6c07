"""A fear index from realised volatility, as the VIX is quoted: percent a year.

The volatility of n bars is the root of their mean squared log return; a year has 252 sessions of the bar's own session
length (365 where the session is a whole day).

Seed:   none.
Edges:  0 where the window did not move.
Cost:   O(1) a bar, 2 numbers a series: sums of squares, added anew every 60th bar and when nothing moved.
Source: Cboe (2023), VIX, for the quotation; Andersen et al. (2003) for realised volatility.
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
from features.sessions import DAY
from features.ties import TIE
from schema.ticks import Float64, Int64, UInt8

SHORT, LONG = 20, 60
SESSIONS, DAYS = 252.0, 365.0  # a year


class Params(NamedTuple):
    tie: float


class State(NamedTuple):
    squares: Float64  # (series, 2) sums over the last 20 and 60
    moves: Int64  # (series, 2) how many of them are not 0


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    return State(np.zeros((series, 2)), np.zeros((series, 2), np.int64))


@njit(cache=True, inline="always")
def squared(returns: Float64, i: int, n: int, lag: int, tie: float) -> float:
    value = past(returns, i, n, lag)
    return value * value if abs(value) > tie else 0.0


@njit(cache=True)
def anew(squares: Float64, moves: Int64, returns: Float64, i: int, n: int, tie: float) -> None:
    squares[i, :], moves[i, :] = 0.0, 0
    for lag in range(LONG):
        square = squared(returns, i, n, lag, tie)
        for window in range(0 if lag < SHORT else 1, 2):
            squares[i, window] += square
            moves[i, window] += square > 0.0


@njit(cache=True, inline="always")
def swap(squares: Float64, moves: Int64, i: int, window: int, come: float, gone: float) -> None:
    moves[i, window] += int(come > 0.0) - int(gone > 0.0)
    squares[i, window] = max(squares[i, window] + come - gone, 0.0) if moves[i, window] else 0.0


@njit(cache=True, inline="always")
def slide(squares: Float64, moves: Int64, returns: Float64, i: int, n: int, tie: float) -> None:
    new = squared(returns, i, n, 0, tie)
    swap(squares, moves, i, 0, new, squared(returns, i, n, SHORT, tie))
    swap(squares, moves, i, 1, new, squared(returns, i, n, LONG, tie))


@njit(cache=True, inline="always")
def yearly(squares: float, n: int, scale: float) -> float:
    return 100.0 * math.sqrt(squares / n * scale)


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    squares, moves, returns, tie = state.squares, state.moves, history.log_return, params.tie
    series, nth, time, start = bars.series, bars.n, bars.time, bars.start
    opens, closes = bars.session_open, bars.session_close
    for k in range(len(series)):
        i, n = series[k], nth[k]
        if n <= LONG:
            for c in range(2):
                out[k, c], why[k, c] = np.nan, WARMING_UP
            continue
        if (n - 1) % LONG == 0:
            anew(squares, moves, returns, i, n, tie)
        else:
            slide(squares, moves, returns, i, n, tie)
        session = closes[k] - opens[k]
        scale = (SESSIONS if session < DAY else DAYS) * (session / (time[k] - start[k]))
        out[k, 0], out[k, 1] = yearly(squares[i, 0], SHORT, scale), yearly(squares[i, 1], LONG, scale)
        why[k, 0] = why[k, 1] = 0


_column = partial(
    Column,
    source="Cboe (2023), VIX; Andersen et al. (2003)",
    inputs=("log_return", "session_open", "session_close"),
    driver=Driver.BAR,
    window=LONG + 1,
    warm_up=LONG + 1,
    unit="percent a year",
    range=(0.0, math.inf),
    oracle="naive, in long double",
    params={"short": SHORT, "long": LONG},
)
_volatility = "100 sqrt(mean squared log return of the last {} bars * bars a year)"
register(
    Group(
        "fear",
        Family.SENTIMENT,
        Stage.BARS,
        (
            _column(f"fear_index_{SHORT}", _volatility.format(SHORT)),
            _column(f"fear_index_{LONG}", _volatility.format(LONG)),
        ),
        Params(TIE),
        init,
        update,
    )
)
