"""Durations and times as people write them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_SECONDS: Final = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")

_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKLY: Final = re.compile(rf"({'|'.join(_WEEKDAYS)}) ([01]\d|2[0-3]):([0-5]\d)")


def parse_duration(text: str) -> float:
    """Return the seconds of `90s`, `500ms`, `1h30m` or a bare number of seconds.

    Raises ValueError that says what was found and what is understood.
    """
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not re.fullmatch(f"(?:{_PART.pattern})+", text):
        raise ValueError(f"duration {text!r} is not understood, expected something like 60s, 500ms, 1h30m or 2d")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def parse_pace(text: str) -> float:
    """Return how many times faster than it happened `1x` or `50x` asks for; 0 for `max`.

    Raises ValueError that says what was found and what is understood.
    """
    if text == "max":
        return 0.0
    found = re.fullmatch(r"(\d+(?:\.\d+)?)x", text)
    if not found or float(found[1]) == 0:
        raise ValueError(f"pace {text!r} is not understood, expected max, 1x or 50x")
    return float(found[1])


def parse_time(text: str) -> int:
    """Return ns UTC of an ISO date or date and time; without a zone it is UTC.

    Raises ValueError that says what was found and what is understood.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"time {text!r} is not understood, expected 2013-10-08 or 2013-10-08T14:30:00Z") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1000


def parse_weekly(text: str) -> tuple[int, int, int]:
    """Return weekday (Monday is 0), hour and minute of `sun 02:00`.

    Raises ValueError that says what was found and what is understood.
    """
    found = _WEEKLY.fullmatch(text)
    if not found:
        raise ValueError(f"weekly time {text!r} is not understood, expected a day and a time (UTC) like sun 02:00")
    return _WEEKDAYS.index(found[1]), int(found[2]), int(found[3])
