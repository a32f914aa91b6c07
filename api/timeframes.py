"""Timeframes by length."""

from __future__ import annotations

from schema.timeframes import parse_timeframe


def length(timeframe: str) -> tuple[float, str]:
    """Return what timeframes are sorted by: the nominal length, activity bars behind all others."""
    return parse_timeframe(timeframe).nominal_ns or float("inf"), timeframe
