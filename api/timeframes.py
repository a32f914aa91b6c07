"""Timeframes that have predictions, by length."""

from __future__ import annotations

from api.reader import Reader
from schema.timeframes import parse_timeframe


def length(timeframe: str) -> tuple[float, str]:
    """Return what timeframes are sorted by: the nominal length, activity bars behind all others."""
    return parse_timeframe(timeframe).nominal_ns or float("inf"), timeframe


def predicted(reader: Reader) -> list[str]:
    """Return the timeframes of the stored predictions, the shortest first."""
    return sorted({name for _, name in reader.series("predictions")}, key=length)
