"""Oracles of the calendar family: Python's own datetime and calendar, sines by mpmath."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise

import mpmath
import numpy as np

from schema.bars import BarFlag
from tests.oracles.registry import Market, each_series, oracle

CIRCLES = ("time_of_day", "day_of_week", "day_of_month", "month", "day_of_year")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def share(circle: str, time: int) -> mpmath.mpf:
    """Return how far round its circle a close stands."""
    at = EPOCH + timedelta(microseconds=time // 1000)
    before = at - timedelta(microseconds=1)
    if circle == "time_of_day":
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        return (mpmath.mpf((at - midnight) // timedelta(microseconds=1)) * 1000 + time % 1000) / (86_400 * 10**9)
    if circle == "day_of_week":
        return mpmath.mpf(before.weekday()) / 7
    if circle == "day_of_month":
        return mpmath.mpf(before.day - 1) / calendar.monthrange(before.year, before.month)[1]
    if circle == "day_of_year":
        return mpmath.mpf(before.timetuple().tm_yday - 1) / (366 if calendar.isleap(before.year) else 365)
    return mpmath.mpf(before.month - 1) / 12


@cache
def on_circle(name: str, time: int) -> float:
    circle, function = name.rsplit("_", 1)
    return float(getattr(mpmath, f"{function}pi")(2 * share(circle, time)))


def rounding(name: str, market: Market) -> float:
    """A sine near its zero: an angle of up to 2 pi, rounded twice."""
    return 4e-15


@oracle(
    *(f"{c}_{f}" for c in CIRCLES for f in ("sin", "cos")),
    bound=rounding,
)
def circles(name: str, market: Market) -> np.ndarray:
    return np.array([on_circle(name, time) for time in market.bars.time.tolist()])


@oracle("minutes_from_open", "minutes_to_close")
def minutes(name: str, market: Market) -> np.ndarray:
    bars = market.bars
    spans = bars.time - bars.session_open if name == "minutes_from_open" else bars.session_close - bars.time
    return np.array([float(mpmath.mpf(span) / (60 * 10**9)) for span in spans.tolist()])


@oracle("session_phase")
def phase(name: str, market: Market) -> np.ndarray:
    bars = market.bars
    return np.select([bars.time <= bars.session_open, bars.start >= bars.session_close], [-1.0, 1.0], 0.0)


def third_friday(year: int, month: int) -> date:
    return [
        day for day in calendar.Calendar().itermonthdates(year, month) if day.weekday() == 4 and day.month == month
    ][2]


@cache
def to_expiry(time: int) -> int:
    """Return the days from a close to the next third Friday of a month."""
    today = (EPOCH + timedelta(microseconds=time // 1000 - 1)).date()
    following = (today.replace(day=1) + timedelta(days=40)).replace(day=1)
    fridays = third_friday(today.year, today.month), third_friday(following.year, following.month)
    return min((friday - today).days for friday in fridays if friday >= today)


@oracle("days_to_expiry")
def expiry(name: str, market: Market) -> np.ndarray:
    return np.array([to_expiry(time) for time in market.bars.time.tolist()], float)


@oracle("session_progress", "session_minutes")
def session(name: str, market: Market) -> np.ndarray:
    bars = market.bars
    lengths = bars.session_close - bars.session_open
    if name == "session_minutes":
        return np.array([float(mpmath.mpf(length) / (60 * 10**9)) for length in lengths.tolist()])
    past = (bars.time - bars.session_open).tolist()
    return np.array([float(mpmath.mpf(part) / length) for part, length in zip(past, lengths.tolist())])


@oracle("closure_hours", "weekdays_missed", "sessions_since_holiday")
@each_series
def closure(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    """Look at each session and the one before; a session's day is that of its middle."""
    rows = np.flatnonzero(bars["flags"] & BarFlag.SESSION_FIRST)
    opened, closed = bars["session_open"][rows], bars["session_close"][rows]
    day = ((opened + closed) // 2).astype("datetime64[ns]").astype("datetime64[D]")
    between = [int(np.busday_count(a + 1, b)) if b > a else 0 for a, b in pairwise(day)]
    values: list[float] = [np.nan]
    for at, missed in enumerate(between):
        holidays = [back for back, found in enumerate(reversed(between[: at + 1])) if found]
        values.append(
            {
                "closure_hours": float(mpmath.mpf(int(opened[at + 1] - closed[at])) / (3600 * 10**9)),
                "weekdays_missed": missed,
                "sessions_since_holiday": min([*holidays, 20]),
            }[name]
        )
    begun = np.cumsum(bars["flags"] & BarFlag.SESSION_FIRST != 0)
    return np.concatenate(([np.nan], values))[begun]
