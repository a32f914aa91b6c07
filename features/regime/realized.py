"""Realised volatility of a short window beside that of a longer one, of the bars before, and of the session.

Realised volatility is the root of the mean squared log return: nothing is subtracted, so nothing cancels. Only
`volatility_ratio_10_60` is of deviations from the mean; where few of the squares are left, those are summed anew.

Seed:   none.
Edges:  undefined where the longer window (both windows, for the change; the session) has no move. A session's first
        return, from the session before, is not the session's.
Cost:   O(1) a bar, 14 numbers a series. Sums slide and are made anew every lap, in a window without moves, and as soon
        as they are small beside what they have held since: a jump that has left leaves no trace.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History
from features.regime.windows import MASK, square_of, squares_since, total_since
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

WINDOWS = (20, 60, 10)
LAPS = (31, 63, 15)  # bars between two sums made anew, less 1: masks
WARM_UPS = (61, 41, 21, 61)
FLAT = 1e-20  # squared spread beside squared size below which returns are equal but for rounding
CLOSE = 1e-3  # share of their squares below which deviations are summed about their mean
SMALL = 1e-3  # share of the most that squares have summed to since made anew, below which they are again
LONGEST = 61
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    flat: float


class State(NamedTuple):
    squares: Float64  # (series, windows) sum of the window's squared log returns
    totals: Float64  # (series, windows) sum of the window's log returns
    largest: Float64  # (series, windows + 1) the most of the squares, and the earlier ones, since they were made anew
    still: Int64  # (series,) bars since the last return that is not 0
    earlier: Float64  # (series,) sum of the squared log returns 20 to 39 bars ago
    session: Float64  # (series,) sum of the session's squared log returns
    lost: Float64  # (series,) what rounding has taken from it


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(
        np.zeros((n, len(WINDOWS))),
        np.zeros((n, len(WINDOWS))),
        np.zeros((n, len(WINDOWS) + 1)),
        np.zeros(n, np.int64),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
    )


@njit(cache=True, inline="always")
def _slide(
    squares: Float64, totals: Float64, largest: Float64, still: int, returns: Float64, i: int, n: int, now: float
) -> None:
    new = square_of(now)
    for w in range(3):
        window = WINDOWS[w]
        if still >= window:
            squares[i, w] = totals[i, w] = largest[i, w] = 0.0
            continue
        anew = n & LAPS[w] == 0 and n > window + 1
        if not anew:
            old = returns[(n - 1 - window) & MASK, i] if n > window + 1 else 0.0
            total = squares[i, w] + (new - square_of(old))
            squares[i, w], totals[i, w] = total, totals[i, w] + (now - old)
            largest[i, w] = max(largest[i, w], total)
            anew = total < SMALL * largest[i, w]
        if anew:
            squares[i, w] = largest[i, w] = squares_since(returns, i, n, window)
            totals[i, w] = total_since(returns, i, n, window)


@njit(cache=True)
def _anew(total: float, returns: Float64, i: int, n: int, window: int) -> float:
    spread = 0.0
    for lag in range(window):
        apart = returns[(n - 1 - lag) & MASK, i] - total / window
        spread += apart * apart
    return spread


@njit(cache=True, inline="always")
def _spread(squares: float, total: float, returns: Float64, i: int, n: int, window: int) -> float:
    """Return the squared deviations from the mean."""
    spread = squares - total * total / window
    if spread <= CLOSE * squares and squares > 0.0:
        spread = _anew(total, returns, i, n, window)
    return max(spread, 0.0)


@njit(cache=True, inline="always")
def _earlier(before: float, largest: Float64, returns: Float64, i: int, n: int, still: int, window: int) -> float:
    """Return the sum of the `window` squares before the last `window`, from that one bar before."""
    if still >= 2 * window:
        return 0.0
    gone = square_of(returns[(n - 1 - 2 * window) & MASK, i])
    total = before + (square_of(returns[(n - 1 - window) & MASK, i]) - gone)
    largest[i, 3] = max(largest[i, 3], total)
    if n == 2 * window + 1 or n & LAPS[0] == 0 or total < SMALL * largest[i, 3]:
        total = largest[i, 3] = squares_since(returns, i, n - window, window)
    return total


@njit(cache=True, inline="always")
def _root(short: float, long: float, scale: float) -> float:
    return math.sqrt(max(short, 0.0) / long * scale) if long > 0.0 else np.nan


@njit(cache=True, inline="always")
def reason(n: int, column: int) -> int:
    return EDGE if n >= WARM_UPS[column] else WARMING_UP


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    a, b, c = WINDOWS
    squares, totals, largest, stills, earliers, session, lost = state
    returns, series, numbers, of_session, log_return = (
        history.log_return, bars.series, bars.n, bars.session_bar, bars.log_return
    )  # fmt: skip
    for k in range(len(series)):
        i, n, nth = series[k], numbers[k], of_session[k]
        change = log_return[k] if n > 1 else 0.0
        new = square_of(change)
        if nth == 1:
            session[i] = lost[i] = 0.0
        else:
            term = new - lost[i]
            total = session[i] + term
            lost[i] = (total - session[i]) - term
            session[i] = total
        still = 0 if new > 0.0 else stills[i] + 1
        stills[i] = still
        _slide(squares, totals, largest, still, returns, i, n, change)
        out[k, 0] = _root(squares[i, 0], squares[i, 1], b / a) if n > b else np.nan
        out[k, 1] = out[k, 2] = out[k, 3] = np.nan
        if n > 2 * a:
            earlier = _earlier(earliers[i], largest, returns, i, n, still, a)
            now, earliers[i] = max(squares[i, 0], 0.0), earlier
            out[k, 1] = (now - earlier) / (now + earlier) if now + earlier > 0.0 else np.nan
        if n > a and nth > 1:
            out[k, 2] = _root(squares[i, 0], session[i], (nth - 1.0) / a)
        if n > b:
            spread = _spread(squares[i, 1], totals[i, 1], returns, i, n, b)
            if spread > max(params.flat * squares[i, 1], TIE * TIE):
                short = _spread(squares[i, 2], totals[i, 2], returns, i, n, c)
                out[k, 3] = math.sqrt(short / spread * ((b - 1.0) / (c - 1.0)))
        for column in range(4):
            why[k, column] = 0 if not np.isnan(out[k, column]) else (EDGE if n > LONGEST else reason(n, column))


_column = partial(Column, inputs=("close",), driver=Driver.BAR, unit="ratio", oracle="naive")
_SOURCE = "Andersen and Bollerslev (1998), realised volatility"


register(
    Group(
        name="realized",
        family=Family.REGIME,
        stage=Stage.BARS,
        columns=(
            _column(
                "realized_volatility_ratio_20_60",
                "root of the mean squared log return of the last 20 bars / that of the last 60",
                _SOURCE,
                window=61,
                warm_up=61,
                range=(0.0, math.sqrt(3.0) + 0.01),
                params={"short": 20, "long": 60},
                edges="no move in the longer window: undefined",
            ),
            _column(
                "realized_variance_change_20",
                "(sum of the last 20 squared log returns - sum of the 20 before) / sum of all 40",
                _SOURCE,
                window=41,
                warm_up=41,
                range=(-1.0, 1.0),
                params={"window": 20},
                edges="no move in the 40: undefined",
            ),
            _column(
                "session_volatility_ratio_20",
                "root of the mean squared log return of the last 20 bars / that of the session so far",
                _SOURCE,
                window=0,
                warm_up=21,
                range=(0.0, math.inf),
                params={"window": 20},
                edges="no move in the session, or its first bar: undefined",
                sessions="resets",
            ),
            _column(
                "volatility_ratio_10_60",
                "sample deviation of the last 10 log returns / that of the last 60",
                "definition",
                window=61,
                warm_up=61,
                range=(0.0, 2.6),
                params={"short": 10, "long": 60},
                edges="equal returns: undefined",
            ),
        ),
        params=Params(FLAT),
        init=init,
        update=update,
        version=3,
    )
)
