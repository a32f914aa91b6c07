"""Days of a series, from its bars: closes, and what had been traded by a time of the day.

A day is a date in UTC; exchanges whose session spans midnight there want bars of one day in the store, whose closes
are used instead. Past days don't change, so they are read once a day, and what is compared with a time of the day once
a minute or five. The moments differ from symbol to symbol, so that a thousand of them aren't read at once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar
from zlib import crc32

from api.analysis import indicators
from api.reader import Reader
from schema.timeframes import SECOND, parse_timeframe

T = TypeVar("T")

_MINUTE: Final = 60 * SECOND
_DAY: Final = 24 * 60 * _MINUTE
_EVERY: Final = (_MINUTE, 5 * _MINUTE)  # closes are looked up, volumes are
_MOST: Final = 20_000  # answers that are kept
_DAYS: Final = 20


class Around(NamedTuple):
    """What past days say of a bar."""

    since: int  # ns UTC: it is the same for all bars from here
    until: int  # to, but without, here
    volatility: float | None  # of the last 20 daily log returns
    close_1d: float | None  # a day before
    close_7d: float | None
    volume_rank: float | None  # percentile of what was traded today


class Days:
    """Past days of the series of a store."""

    def __init__(self, reader: Reader) -> None:
        """Read from `reader`, and remember."""
        self._reader = reader
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._with_days = set[str]()  # symbols with bars of one day
        self._around = dict[tuple[str, str], Around]()  # of each series' newest bar

    def around(self, symbol: str, timeframe: str, at: int) -> Around:
        """Return what past days say of the bar that closed at `at` (ns UTC); looked up once a moment, see above."""
        known = self._around.get((symbol, timeframe))
        if known is None or not known.since <= at < known.until:
            known = self._around[symbol, timeframe] = self._look(symbol, timeframe, at)
        return known

    def _look(self, symbol: str, timeframe: str, at: int) -> Around:
        day = _day_of(at)
        begun = [_moment(symbol, timeframe, at, every) for every in _EVERY]
        ends = [at + 1 if _length(timeframe) >= every else moment + every
                for every, moment in zip(_EVERY, begun, strict=True)]  # fmt: skip
        return Around(
            since=max(*begun, day + 1), until=min(*ends, day + _DAY + 1),
            volatility=self.volatility(symbol, self._daily(symbol, timeframe, at), at),
            close_1d=self.close_before(symbol, timeframe, at - _DAY),
            close_7d=self.close_before(symbol, timeframe, at - 7 * _DAY),
            volume_rank=self.volume_rank(symbol, timeframe, at),
        )  # fmt: skip

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

    def _daily(self, symbol: str, timeframe: str, at: int) -> str:
        """Return the timeframe whose closes are the days': bars of one day where there are any."""
        if symbol not in self._with_days and self._reader.last_close(symbol, "1d", at) is not None:
            self._with_days.add(symbol)
        return "1d" if symbol in self._with_days else timeframe

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
