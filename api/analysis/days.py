"""Days of a series, from its bars: closes, and what had been traded by a time of the day.

A day is a date in UTC; exchanges whose session spans midnight there want bars of one day in the store, whose closes
are used instead. Past days don't change, so they are read once a day, and what is compared with a time of the day once
a minute or five. The moments differ from symbol to symbol, so that a thousand of them aren't read at once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, Final, TypeVar
from zlib import crc32

from api.analysis import indicators
from api.reader import Reader
from schema.timeframes import SECOND, parse_timeframe

T = TypeVar("T")

_MINUTE: Final = 60 * SECOND
_DAY: Final = 24 * 60 * _MINUTE
_MOST: Final = 20_000  # answers that are kept
_DAYS: Final = 20


class Days:
    """Past days of the series of a store."""

    def __init__(self, reader: Reader) -> None:
        """Read from `reader`, and remember."""
        self._reader = reader
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def closes(self, symbol: str, timeframe: str, at: int) -> list[tuple[int, float]]:
        """Return close time (ns UTC) and price of the last 21 finished days before the day of `at`, oldest first."""
        day = _day_of(at)
        return self._remember(("closes", symbol, timeframe, day), lambda: self._closes(symbol, timeframe, day))

    def close_before(self, symbol: str, timeframe: str, at: int) -> float | None:
        """Return the close of the newest bar that had closed at `at` (ns UTC), or less than a minute before."""
        at = _moment(symbol, timeframe, at, _MINUTE)
        found = self._remember(("close", symbol, timeframe, at), lambda: self._reader.last_close(symbol, timeframe, at))
        return None if found is None else found[1]

    def volatility(self, symbol: str, timeframe: str, at: int) -> float | None:
        """Return the standard deviation of the last 20 daily log returns before the day of `at` (ns UTC)."""

        def read() -> float | None:
            return indicators.volatility([close for _, close in self.closes(symbol, timeframe, at)])

        return self._remember(("volatility", symbol, timeframe, _day_of(at)), read)

    def volume_rank(self, symbol: str, timeframe: str, at: int) -> float | None:
        """Return the percentile of what was traded today, up to at most five minutes ago, among the last 20 days."""
        at = _moment(symbol, timeframe, at, 5 * _MINUTE)

        def read() -> float | None:
            return indicators.rank(*self._volumes(symbol, timeframe, at))

        return self._remember(("rank", symbol, timeframe, at), read)

    def _closes(self, symbol: str, timeframe: str, day: int) -> list[tuple[int, float]]:
        found = list[tuple[int, float]]()
        edge = day
        while len(found) <= _DAYS and (close := self._reader.last_close(symbol, timeframe, edge)) is not None:
            found.append(close)
            edge = _day_of(close[0])
        return found[::-1]

    def _volumes(self, symbol: str, timeframe: str, at: int) -> tuple[float, list[float]]:
        today = _day_of(at)
        passed = at - today
        starts = [_day_of(time) for time, _ in self.closes(symbol, timeframe, at)][-_DAYS:]
        traded = [self._reader.volume(symbol, timeframe, start, start + passed) for start in (*starts, today)]
        return traded[-1], traded[:-1]

    def _remember(self, key: Hashable, read: Callable[[], T]) -> T:
        if key not in self._kept:
            self._kept[key] = read()
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        kept: T = self._kept[key]
        return kept


def _day_of(time: int) -> int:
    """Return the beginning of the day of a bar that closed at `time`: midnight belongs to the day before."""
    return (time - 1) // _DAY * _DAY


@lru_cache(64)
def _length(timeframe: str) -> int:
    return parse_timeframe(timeframe).nominal_ns


def _moment(symbol: str, timeframe: str, at: int, every: int) -> int:
    """Return the last of the symbol's own moments, `every` ns apart, for bars shorter than that; `at` for others."""
    if _length(timeframe) >= every:
        return at
    offset = crc32(symbol.encode()) * every >> 32
    return (at - offset) // every * every + offset
