"""Timeframes by name: `1s` .. `1d`, `1w`, `1M`, and `tick:N`, `volume:N`, `dollar:N`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

SECOND = 1_000_000_000  # ns
_UNITS = {"s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND}


class BarKind(IntEnum):
    """What closes a bar."""

    INTERVAL = 0  # `every` ns from the session's start
    DAY = 1  # the session's end
    WEEK = 2  # the end of the week's last session (weeks begin on Monday)
    MONTH = 3
    TICK = 4  # `every` trades
    VOLUME = 5  # `every` units of size
    DOLLAR = 6  # `every` units of price * size


@dataclass(frozen=True, slots=True)
class Timeframe:
    """A timeframe: its name, what closes a bar, and how much of it."""

    name: str
    kind: BarKind
    every: float  # ns for INTERVAL, trades, size or notional for the activity bars, 1 else

    @property
    def by_time(self) -> bool:
        """Whether bars close by time, so that all symbols close together."""
        return self.kind <= BarKind.MONTH

    @property
    def nominal_ns(self) -> int:
        """Nominal length in ns, 0 for activity bars."""
        return {
            BarKind.INTERVAL: int(self.every),
            BarKind.DAY: 86_400 * SECOND,
            BarKind.WEEK: 7 * 86_400 * SECOND,
            BarKind.MONTH: 30 * 86_400 * SECOND,
        }.get(self.kind, 0)


_CALENDAR = {"1d": BarKind.DAY, "1w": BarKind.WEEK, "1M": BarKind.MONTH}
_ACTIVITY = {"tick": BarKind.TICK, "volume": BarKind.VOLUME, "dollar": BarKind.DOLLAR}


def parse_timeframe(name: str) -> Timeframe:
    """Read one timeframe.

    Raises ValueError, saying what was found and what is understood.
    """
    if name in _CALENDAR:
        return Timeframe(name, _CALENDAR[name], 1)
    if match := re.fullmatch(r"([1-9]\d*)([smh])", name):
        every = int(match[1]) * _UNITS[match[2]]
        if every <= 24 * _UNITS["h"]:
            return Timeframe(name, BarKind.INTERVAL, every)
    if match := re.fullmatch(r"(tick|volume|dollar):([1-9]\d*)", name):
        return Timeframe(name, _ACTIVITY[match[1]], int(match[2]))
    raise ValueError(
        f"timeframe {name!r} is not understood; expected seconds, minutes or hours up to a day (1s, 5m, 4h), "
        "1d, 1w, 1M, or tick:N, volume:N, dollar:N"
    )


def parse_timeframes(names: str | list[str]) -> tuple[Timeframe, ...]:
    """Read a comma-separated list; the given order is kept, a repeat is an error."""
    parts = names.split(",") if isinstance(names, str) else list(names)
    parts = [part.strip() for part in parts]
    if len(set(parts)) != len(parts) or not parts:
        raise ValueError(f"timeframes {parts} must be a list without repeats, of at least one")
    return tuple(parse_timeframe(part) for part in parts)
