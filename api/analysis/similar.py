"""The most similar past situations of a symbol, and what followed.

Nearest neighbours of the newest stored feature row among the series' own earlier ones whose outcome had been known by
then. The distance is the root of the mean squared difference over the columns that both rows have, each divided by its
standard deviation over the earlier rows. Only columns of bounded range take part: they compare across price levels.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple, TypedDict

import numpy as np

from api.analysis.recent import join_rows
from api.reader import Reader
from api.store import Row
from schema.ticks import Float64, Int64
from schema.times import iso

ROWS: Final = 2_000  # newest rows of a series that are looked through
COLUMNS: Final = 64
SITUATIONS: Final = 10
LEAST_ROWS: Final = 50
_SERIES: Final = 256  # that are kept in memory, 0.5 MB each


class Situation(TypedDict):
    """A past moment of the same series."""

    as_of: str  # ISO-8601
    distance: float  # standard deviations
    realised_return: float  # percent


class Spread(TypedDict):
    """What a sample of returns (percent) spans."""

    count: int
    mean: float
    median: float
    low: float  # the 10th percentile
    high: float  # the 90th
    share_up: float


class _Past(NamedTuple):
    """Feature rows of one series, oldest first."""

    time: Int64  # (n,) ns UTC
    values: Float64  # (n, F) NaN where undefined


class Situations:
    """Past situations of the series of a store, read once and afterwards a row at a time."""

    def __init__(self, reader: Reader) -> None:
        """Read from `reader`."""
        self._reader = reader
        self._kept: dict[tuple[str, str, str], _Past] = {}

    def similar(self, symbol: str, timeframe: str, at: int, horizon: int) -> tuple[list[Situation], Spread | None]:
        """Return the situations most like the one at `at` (ns UTC), nearest first, and the spread of what followed.

        Returns are in percent over `horizon` bars. Nothing where feature rows aren't stored, or fewer than 50 are.
        """
        past = self._past(symbol, timeframe, at)
        if past is None or len(past.time) <= LEAST_ROWS or past.time[-1] != at:
            return [], None
        followed = self._followed(symbol, timeframe, past.time, horizon)
        chosen, distance = nearest(past.values, np.isfinite(followed), horizon)
        found: list[Situation] = [
            {"as_of": iso(int(past.time[k])), "distance": float(distance[k]), "realised_return": float(followed[k])}
            for k in chosen
        ]
        return found, spread([row["realised_return"] for row in found])

    def _past(self, symbol: str, timeframe: str, at: int) -> _Past | None:
        catalogue = self._reader.catalogue()
        names = _bounded(catalogue) if catalogue is not None else []
        if catalogue is None or not names:
            return None
        key = (symbol, timeframe, catalogue["fingerprint"])
        kept = self._kept.pop(key, None)
        since = int(kept.time[-1]) if kept is not None and len(kept.time) else -1
        rows = self._reader.features_after(symbol, timeframe, names, since, ROWS) if since < at else []
        new = _Past(
            np.array([row["time"] for row in rows], np.int64),
            np.array([[row[name] for name in names] for row in rows], np.float64).reshape(-1, len(names)),
        )
        past = new if kept is None else _Past(*(np.concatenate(both)[-ROWS:] for both in zip(kept, new, strict=True)))
        self._kept[key] = past
        if len(self._kept) > _SERIES:
            self._kept.pop(next(iter(self._kept)))
        end = int(np.searchsorted(past.time, at, "right"))
        return _Past(past.time[:end], past.values[:end])

    def _followed(self, symbol: str, timeframe: str, time: Int64, horizon: int) -> Float64:
        """Return the return (percent) of the `horizon` bars behind each time, NaN where they haven't all closed."""
        bars = join_rows(self._reader.bars(symbol, timeframe, ROWS + 1))
        bars = bars._replace(**{name: column[bars.time <= time[-1]] for name, column in bars._asdict().items()})
        place = np.searchsorted(bars.time, time)
        place[place >= len(bars.time)] = 0
        there = (bars.time[place] == time) & (place + horizon < len(bars.time))
        later = np.minimum(place + horizon, len(bars.time) - 1)
        return np.where(there, 100.0 * (bars.close[later] / bars.close[place] - 1.0), np.nan)


def nearest(values: Float64, known: np.ndarray, horizon: int) -> tuple[list[int], Float64]:
    """Return up to ten rows most like the last one, nearest first, at least `horizon` rows apart, and all distances.

    `values` (n, F) with NaN where undefined, `known` (n,) says which rows' outcome is known.
    """
    earlier, now = values[:-1], values[-1]
    deviation = _deviation(earlier)
    usable = np.isfinite(now) & (deviation > 0)
    difference = (earlier[:, usable] - now[usable]) / deviation[usable]
    there = np.isfinite(difference)
    shared = there.sum(axis=1)
    squares = np.where(there, difference, 0.0) ** 2
    distance = np.sqrt(np.where(2 * shared > usable.sum(), squares.sum(axis=1) / np.maximum(shared, 1), np.inf))
    distance[~known[:-1]] = np.inf
    chosen = list[int]()
    for k in np.argsort(distance, kind="stable").tolist():
        if not math.isfinite(distance[k]) or len(chosen) == SITUATIONS:
            break
        if all(abs(k - other) >= horizon for other in chosen):
            chosen.append(k)
    return chosen, distance


def _deviation(values: Float64) -> Float64:
    """Return the standard deviation of each column's defined values, 0 where there are none."""
    there = np.isfinite(values)
    count = np.maximum(there.sum(axis=0), 1)
    defined = np.where(there, values, 0.0)
    centred = np.where(there, values - defined.sum(axis=0) / count, 0.0)
    deviation: Float64 = np.sqrt((centred**2).sum(axis=0) / count)
    return deviation


def spread(returns: list[float]) -> Spread | None:
    """Return what a sample of returns spans, None of an empty one."""
    if not returns:
        return None
    low, median, high = (float(value) for value in np.percentile(returns, (10, 50, 90)))
    return {
        "count": len(returns),
        "mean": float(np.mean(returns)),
        "median": median,
        "low": low,
        "high": high,
        "share_up": float(np.mean(np.array(returns) > 0)),
    }


def _bounded(catalogue: Row) -> list[str]:
    """Return the first columns of bounded range, at most 64."""
    bounded = (column["name"] for column in catalogue["columns"] if None not in column.get("range", (None,)))
    return [name for name, _ in zip(bounded, range(COLUMNS), strict=False)]
