"""The newest closes and volumes of each series, kept in memory and brought up to date a bar at a time."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from api.reader import Reader
from schema.ticks import Float64, Int64

BARS: Final = 253  # 252 returns, a year of days


class Recent(NamedTuple):
    """Up to 253 bars of a series, oldest first."""

    time: Int64  # ns UTC of the close
    close: Float64
    volume: Float64


class RecentBars:
    """Reads a series in full once, and afterwards what is new."""

    def __init__(self, reader: Reader) -> None:
        """Read from `reader`."""
        self._reader = reader
        self._kept: dict[tuple[str, str], Recent] = {}

    def get(self, symbol: str, timeframe: str, until: int) -> Recent:
        """Return the bars that closed at `until` (ns UTC) or before. Raises StoreAway."""
        kept = self._kept.get((symbol, timeframe))
        if kept is None or not len(kept.time):
            kept = join_rows(self._reader.bars(symbol, timeframe, BARS))
        elif kept.time[-1] < until:
            kept = _joined(kept, join_rows(self._reader.bars_after(symbol, timeframe, int(kept.time[-1]))))
        self._kept[symbol, timeframe] = kept
        end = int(np.searchsorted(kept.time, until, "right"))
        return Recent(kept.time[:end], kept.close[:end], kept.volume[:end])


def join_rows(rows: list[dict[str, Any]]) -> Recent:
    """Return rows of `bars` as columns: those that have a close."""
    priced = [row for row in rows if row["close"] is not None]
    time = np.array([row["time"] for row in priced], np.int64)
    close, volume = (np.array([row[name] or 0.0 for row in priced], np.float64) for name in ("close", "volume"))
    return Recent(time, close, volume)


def _joined(old: Recent, new: Recent) -> Recent:
    time, close, volume = (np.concatenate(columns)[-BARS:] for columns in zip(old, new, strict=True))
    return Recent(time, close, volume)
