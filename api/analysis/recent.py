"""The newest closes and volumes of each series, kept in memory and brought up to date a bar at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np

from api.reader import Reader
from api.store import Row
from schema.ticks import Float64, Int64

BARS: Final = 253  # 252 returns, a year of days


class Recent(NamedTuple):
    """Bars of a series that have a close, oldest first."""

    time: Int64  # ns UTC of the close
    sequence: Int64  # counts the series' bars
    close: Float64
    volume: Float64


class RecentBars:
    """Up to 253 bars of each series that was asked for: read in full once, and afterwards what is new."""

    def __init__(self, reader: Reader) -> None:
        """Read from `reader`."""
        self._reader = reader
        self._kept: dict[str, dict[str, Recent]] = {}  # by timeframe and symbol
        self._upto: dict[str, int] = {}  # newest bar time that `extend` has read

    def get(self, symbol: str, timeframe: str, until: int) -> Recent:
        """Return the bars that closed at `until` (ns UTC) or before. Raises StoreAway."""
        of_timeframe = self._kept.setdefault(timeframe, {})
        kept = of_timeframe.get(symbol)
        if kept is not None and kept.time[-1] < until:
            kept = _appended(kept, self._reader.bars_after(timeframe, int(kept.time[-1]), [symbol]))
        if kept is None:
            kept = join_rows(self._reader.bars(symbol, timeframe, BARS))
        if len(kept.time):
            of_timeframe[symbol] = kept
            if kept.time[-1] == until:
                return kept
        end = int(np.searchsorted(kept.time, until, "right"))
        return Recent(kept.time[:end], kept.sequence[:end], kept.close[:end], kept.volume[:end])

    def extend(self, timeframe: str, until: int) -> None:
        """Bring all series that are kept up to a bar time (ns UTC), in one query. Raises StoreAway."""
        of_timeframe = self._kept.get(timeframe)
        if not of_timeframe or self._upto.get(timeframe, 0) >= until:
            return
        since = self._upto.get(timeframe) or max(int(kept.time[-1]) for kept in of_timeframe.values())
        rows = self._reader.bars_after(timeframe, since, of_timeframe.keys())
        for symbol, new in groupby(sorted(rows, key=_by_symbol), _by_symbol):
            if (kept := of_timeframe.get(symbol)) is None:
                continue
            if (longer := _appended(kept, list(new))) is not None:
                of_timeframe[symbol] = longer
            else:
                del of_timeframe[symbol]  # something is missing between: it is read in full when it is wanted
        if rows:
            self._upto[timeframe] = max(row["time"] for row in rows)


def join_rows(rows: Iterable[Row]) -> Recent:
    """Return rows of `bars` as columns: those that have a close."""
    priced = [row for row in rows if row["close"] is not None]
    whole = np.array([(row["time"], row["bar_sequence"]) for row in priced], np.int64).reshape(-1, 2)
    real = np.array([(row["close"], row["volume"] or 0.0) for row in priced], np.float64).reshape(-1, 2)
    return Recent(whole[:, 0], whole[:, 1], real[:, 0], real[:, 1])


def _appended(old: Recent, rows: Sequence[Row]) -> Recent | None:
    """Return the bars with those rows behind them; None where a bar between is missing."""
    last = old.sequence[-1]
    new = join_rows(row for row in rows if row["bar_sequence"] > last)
    if not len(new.time):
        return old
    if new.sequence[0] != last + 1:
        return None
    time, sequence, close, volume = (np.concatenate(columns)[-BARS:] for columns in zip(old, new))
    return Recent(time, sequence, close, volume)


def _by_symbol(row: Row) -> str:
    return str(row["symbol"])
