"""Oracles of the calendar family: Python's own datetime and calendar, sines by mpmath."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from functools import cache

import mpmath
import numpy as np

from tests.oracles.registry import Market, oracle

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
    return mpmath.mpf(before.month - 1) / 12


@cache
def on_circle(name: str, time: int) -> float:
    circle, function = name.rsplit("_", 1)
    return float(getattr(mpmath, f"{function}pi")(2 * share(circle, time)))


def rounding(name: str, market: Market) -> float:
    """A sine near its zero: an angle of up to 2 pi, rounded twice."""
    return 4e-15


@oracle(
    *(f"{c}_{f}" for c in ("time_of_day", "day_of_week", "day_of_month", "month") for f in ("sin", "cos")),
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
