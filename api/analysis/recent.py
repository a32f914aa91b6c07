"""The newest closes and volumes of each series, kept in memory and brought up to date a bar at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from api.reader import Reader
from api.store import Row
from schema.ticks import Float64, Int64

BARS: Final = 253  # 252 returns, a year of days
_ROOM: Final = 64  # bars that are appended in place


class Recent(NamedTuple):
    """Bars of a series that have a close, oldest first."""

    time: Int64  # ns UTC of the close
    sequence: Int64  # counts the series' bars
    close: Float64
    volume: Float64


class _Series:
    """A series' newest bars, with room behind them. Columns that were given out stay as they are."""

    __slots__ = ("_columns", "_end", "last")

    def __init__(self, bars: Recent) -> None:
        """Begin with at least one bar."""
        self._fill(bars)
        self.last = int(bars.sequence[-1])  # the newest bar's number

    def _fill(self, bars: Recent) -> None:
        self._end = min(len(bars.time), BARS)
        room = np.empty(_ROOM, np.int64), np.empty(_ROOM)
        time, sequence = (np.concatenate((column[-BARS:], room[0])) for column in bars[:2])
        close, volume = (np.concatenate((column[-BARS:], room[1])) for column in bars[2:])
        self._columns = Recent(time, sequence, close, volume)

    def append(self, row: Row) -> bool:
        """Append a row of `bars` where it is newer and has a close; False where a bar between is missing."""
        number, close = row["bar_sequence"], row["close"]
        if number <= self.last or close is None:
            return True
        if number != self.last + 1:
            return False
        if self._end == len(self._columns[0]):
            self._fill(self.bars())
        times, numbers, closes, volumes = self._columns
        end = self._end
        times[end], numbers[end], closes[end], volumes[end] = row["time"], number, close, row["volume"] or 0.0
        self._end, self.last = end + 1, number
        return True

    def bars(self) -> Recent:
        """Return up to 253 bars."""
        return _cut(self._columns, max(self._end - BARS, 0), self._end)


class RecentBars:
    """Up to 253 bars of each series that was asked for: read in full once, and afterwards what is new."""

    def __init__(self, reader: Reader) -> None:
        """Read from `reader`."""
        self._reader = reader
        self._kept: dict[str, dict[str, _Series]] = {}  # by timeframe and symbol
        self._upto: dict[str, int] = {}  # newest bar time that `extend` has read
        self._lock = threading.Lock()  # of what is kept; not held while the store is read

    def get(self, symbol: str, timeframe: str, until: int) -> Recent:
        """Return the bars that closed at `until` (ns UTC) or before. Raises StoreAway."""
        found = self._known(symbol, timeframe)
        if found is not None and found.time[-1] < until:
            self._append(timeframe, self._reader.bars_after(timeframe, int(found.time[-1]), [symbol]))
            found = self._known(symbol, timeframe)
        if found is None:
            found = join_rows(self._reader.bars(symbol, timeframe, BARS))
            if len(found.time):
                with self._lock:
                    self._kept.setdefault(timeframe, {})[symbol] = _Series(found)
        if len(found.time) and found.time[-1] == until:
            return found
        return _cut(found, 0, int(np.searchsorted(found.time, until, "right")))

    def extend(self, timeframe: str, until: int) -> None:
        """Bring all series that are kept up to a bar time (ns UTC), in one query. Raises StoreAway."""
        with self._lock:
            kept = self._kept.get(timeframe)
            if not kept or self._upto.get(timeframe, 0) >= until:
                return
            symbols = list(kept)
            since = self._upto.get(timeframe) or max(int(series.bars().time[-1]) for series in kept.values())
        rows = self._reader.bars_after(timeframe, since, symbols)
        self._append(timeframe, rows)
        if rows:
            self._upto[timeframe] = max(row["time"] for row in rows)

    def _known(self, symbol: str, timeframe: str) -> Recent | None:
        with self._lock:
            series = self._kept.get(timeframe, {}).get(symbol)
            return None if series is None else series.bars()

    def _append(self, timeframe: str, rows: Iterable[Row]) -> None:
        """Append rows, the oldest first. A series where one is missing between is read in full when it is wanted."""
        with self._lock:
            kept = self._kept.get(timeframe, {})
            for row in rows:
                series = kept.get(row["symbol"])
                if series is not None and not series.append(row):
                    del kept[row["symbol"]]


def _cut(bars: Recent, first: int, end: int) -> Recent:
    return Recent(bars.time[first:end], bars.sequence[first:end], bars.close[first:end], bars.volume[first:end])


def join_rows(rows: Iterable[Row]) -> Recent:
    """Return rows of `bars` as columns: those that have a close."""
    priced = [row for row in rows if row["close"] is not None]
    whole = np.array([(row["time"], row["bar_sequence"]) for row in priced], np.int64).reshape(-1, 2)
    real = np.array([(row["close"], row["volume"] or 0.0) for row in priced], np.float64).reshape(-1, 2)
    return Recent(whole[:, 0], whole[:, 1], real[:, 0], real[:, 1])
