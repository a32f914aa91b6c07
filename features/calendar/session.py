"""Where in its session a bar closed, how long that is, and what closure came before it.

A kernel sees no calendar, only the open and close that each bar carries. So what lies behind is known, from the
series' second session on; the next holiday, or that a later session will be short, is not, and would need the
calendar's table. A holiday is a weekday without a session, told from the middles of two sessions in a row (UTC), so
that sessions which open the evening before count for their day.

Seed:   none.
Edges:  WARMING_UP in the first session for what looks back on the one before. Minutes are negative before the open and
        after the close. A market that never closes has sessions of a UTC day each.
Cost:   O(1) a bar, 6 numbers a series.
"""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History
from schema.bars import BarFlag, Phase
from schema.ticks import Float64, Int64, UInt8

MINUTE, DAY = 60_000_000_000, 86_400_000_000_000  # ns
HOUR: Final = 60 * MINUTE
LONGEST: Final = 20  # sessions
PRE, POST = int(Phase.PRE), int(Phase.POST)
SESSION_FIRST: Final = int(BarFlag.SESSION_FIRST)
ANY = (float("-inf"), float("inf"))
FROM_ZERO = (0.0, float("inf"))
BAR_COLUMNS = {
    "minutes_from_open": ("(close time - session open) / 1 min", ("time", "session_open"), "minutes", ANY),
    "minutes_to_close": ("(session close - close time) / 1 min", ("time", "session_close"), "minutes", ANY),
    "session_phase": ("-1 pre-market, 0 regular session, 1 after hours", ("phase",), "step", (-1.0, 1.0)),
    "session_progress": (
        "(close time - session open) / (session close - session open)",
        ("time", "session_open", "session_close"),
        "ratio",
        ANY,
    ),
    "session_minutes": ("(session close - session open) / 1 min", ("session_open", "session_close"), "minutes", ANY),
}
SESSION_COLUMNS = {
    "closure_hours": ("(session open - close of the session before) / 1 h", "hours", 2, ANY),
    "weekdays_missed": ("weekdays without a session since the session before", "days", 2, FROM_ZERO),
    "sessions_since_holiday": (
        f"sessions since one after missed weekdays, 0 in that one; {LONGEST} at most, also where none was seen",
        "sessions",
        LONGEST + 2,
        (0.0, float(LONGEST)),
    ),
}
AT: Final = len(BAR_COLUMNS)


class Params(NamedTuple):
    unit_ns: int
    longest: int  # sessions


class State(NamedTuple):
    sessions: Int64  # (series,) seen
    opened: Int64  # (series,) of the current session
    closed: Int64  # (series,)
    closure: Float64  # (series,) hours before it
    missed: Int64  # (series,) weekdays
    since: Int64  # (series,) sessions


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    sessions, opened, closed, missed = (np.zeros(n, np.int64) for _ in range(4))
    return State(sessions, opened, closed, np.zeros(n), missed, np.full(n, LONGEST, np.int64))


@njit(cache=True, inline="always")
def weekdays_before(day: int) -> int:
    """Return the weekdays before a day since Monday, 1969-12-29; `day` counts from 1970-01-01, a Thursday."""
    return 5 * ((day + 3) // 7) + min((day + 3) % 7, 5)


@njit(cache=True, inline="always")
def begin(state: State, i: int, opened: int, closed: int) -> None:
    """Take a series into a session."""
    if state.sessions[i] > 0:
        state.closure[i] = (opened - state.closed[i]) / HOUR
        before, here = (state.opened[i] + state.closed[i]) // 2 // DAY, (opened + closed) // 2 // DAY
        state.missed[i] = max(weekdays_before(here) - weekdays_before(before + 1), 0)
        state.since[i] = 0 if state.missed[i] else min(state.since[i] + 1, LONGEST)
    state.sessions[i] += 1
    state.opened[i], state.closed[i] = opened, closed


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, opened, closed = bars.series[k], bars.session_open[k], bars.session_close[k]
        if bars.flags[k] & SESSION_FIRST:
            begin(state, i, opened, closed)
        out[k, 0] = (bars.time[k] - opened) / params.unit_ns
        out[k, 1] = (closed - bars.time[k]) / params.unit_ns
        out[k, 2] = (bars.phase[k] == POST) - 1.0 * (bars.phase[k] == PRE)
        out[k, 3] = (bars.time[k] - opened) / (closed - opened)
        out[k, 4] = (closed - opened) / params.unit_ns
        why[k, :] = 0
        if state.sessions[i] > 1:
            out[k, AT], out[k, AT + 1], out[k, AT + 2] = state.closure[i], state.missed[i], state.since[i]
        else:
            out[k, AT:], why[k, AT:] = np.nan, WARMING_UP


_column = partial(Column, source="the exchange's calendar", sessions="resets")
register(
    Group(
        name="session",
        family=Family.CALENDAR,
        stage=Stage.BARS,
        columns=(
            *(
                _column(
                    name,
                    formula,
                    inputs=inputs,
                    driver=Driver.BAR,
                    window=1,
                    warm_up=1,
                    unit=unit,
                    range=reach,
                    oracle="datetime",
                )
                for name, (formula, inputs, unit, reach) in BAR_COLUMNS.items()
            ),
            *(
                _column(
                    name,
                    formula,
                    inputs=("session_open", "session_close"),
                    driver=Driver.SESSION,
                    window=window,
                    warm_up=2,
                    unit=unit,
                    range=reach,
                    oracle="numpy.busday_count",
                    params={"longest": LONGEST},
                )
                for name, (formula, unit, window, reach) in SESSION_COLUMNS.items()
            ),
        ),
        params=Params(MINUTE, LONGEST),
        init=init,
        update=update,
        version=2,
    )
)
