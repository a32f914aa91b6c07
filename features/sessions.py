"""Sessions: when bars begin and must end. A table of times, so that kernels need no calendar library."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit

from schema.ticks import Int64

DAY: Final = 86_400 * 1_000_000_000  # ns


class Sessions(NamedTuple):
    """n sessions in order, arrays of shape (n,), ns UTC; a session holds start <= time < end."""

    start: Int64  # with pre-market
    open: Int64  # the regular session
    close: Int64
    end: Int64  # with after-hours
    week_end: Int64  # end of the last session of its week (weeks begin on Monday)
    month_end: Int64


def sessions_of(start: Int64, open_: Int64, close: Int64, end: Int64, day: Int64) -> Sessions:
    """Make the table from times and each session's calendar day (days since 1970-01-01)."""
    dates = day.astype("datetime64[D]")
    week = (day + 3) // 7  # 1970-01-01 was a Thursday
    month = dates.astype("datetime64[M]").astype(np.int64)
    return Sessions(start, open_, close, end, _last_end(end, week), _last_end(end, month))


def _last_end(end: Int64, group: Int64) -> Int64:
    """Return for each session the end of the last one of its (contiguous) group."""
    last = np.append(np.flatnonzero(np.diff(group)), len(group) - 1)
    ends: Int64 = end[last[np.searchsorted(last, np.arange(len(group)))]]
    return ends


def utc_sessions(first_year: int = 1970, last_year: int = 2199) -> Sessions:
    """Return one session a UTC day, all of it regular: the calendar of markets that never close."""
    first, after = (int(np.datetime64(str(y), "D").astype(np.int64)) for y in (first_year, last_year + 1))
    day = np.arange(first, after, dtype=np.int64)
    start = day * DAY
    return sessions_of(start, start, start + DAY, start + DAY, day)


@njit(cache=True)
def session_at(sessions: Sessions, time: int) -> int:
    """Return the session that holds `time`, -1 if none does."""
    i = np.searchsorted(sessions.start, time, side="right") - 1
    return int(i) if i >= 0 and time < sessions.end[i] else -1
