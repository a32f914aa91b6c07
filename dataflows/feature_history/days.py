"""A day's files: single-symbol columns from the shards and the cross-section beside them, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dataflows.feature_history.cross import as_bars
from dataflows.feature_history.files import HistoryFile, schema_of
from dataflows.feature_history.staging import Staged, read_arrays
from schema.bars import take_bars
from schema.ticks import Int64

PART: Final = "part-0.parquet"


@dataclass(frozen=True, slots=True)
class Day:
    """One day's task."""

    number: int  # days since 1970
    out: Path
    shards: tuple[Path, ...]
    cross: Path  # folder of the days' cross-sections
    universe: tuple[str, ...]
    timeframes: tuple[str, ...]
    columns: tuple[str, ...]
    about: dict[str, Any]


def write_day(day: Day) -> int:
    """Write the day's files, one a timeframe, and return its rows. A file that is there is replaced."""
    began, ends, shard, values, why = read_arrays(
        day.cross / str(day.number), "began", "ends", "shard", "values", "why"
    )
    shards = [Staged(folder) for folder in day.shards]
    files = _Files(day)
    at, first = np.array(began), 0
    for last in ends.tolist():
        rows = slice(first, last)
        at = _write_chunk(day, files, shards, at, shard[rows], values[rows], why[rows])
        first = last
    files.close()
    return first


def _write_chunk(
    day: Day, files: _Files, shards: list[Staged], at: Int64, shard: NDArray[np.uint16], cross: np.ndarray,
    cross_why: np.ndarray,
) -> Int64:  # fmt: skip
    """Join one chunk's rows and write them; return where the shards' next rows are."""
    n, width = len(shard), len(day.columns)
    values, why = np.empty((n, width)), np.empty((n, width), np.uint8)
    values[:, width - cross.shape[1] :] = cross
    why[:, width - cross.shape[1] :] = cross_why
    records, until = None, at.copy()
    for k, staged in enumerate(shards):
        to = np.flatnonzero(shard == k)
        if not len(to):
            continue
        until[k] += len(to)
        own = staged.bars(int(at[k]), int(until[k]))
        records = np.empty(n, own.dtype) if records is None else records
        records[to] = own
        staged.copy(int(at[k]), int(until[k]), to, values, why)
    assert records is not None, "a chunk has rows"
    bars = as_bars(records)
    for timeframe in np.unique(bars.timeframe).tolist():
        rows = np.flatnonzero(bars.timeframe == timeframe)
        if len(rows) == n:
            files.of(timeframe).write(bars, values, why)
        else:
            files.of(timeframe).write(take_bars(bars, rows), values[rows], why[rows])
    return until


class _Files:
    """The open files of a day."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self._open: dict[int, HistoryFile] = {}

    def of(self, timeframe: int) -> HistoryFile:
        if timeframe not in self._open:
            day, name = self._day, self._day.timeframes[timeframe]
            schema = schema_of(day.columns, {**day.about, "timeframe": name, "symbols": list(day.universe)})
            self._open[timeframe] = HistoryFile(path_of(day.out, name, day.number), schema, day.universe)
        return self._open[timeframe]

    def close(self) -> None:
        for file in self._open.values():
            file.close()


def path_of(out: Path, timeframe: str, day: int) -> Path:
    """Return where a day's rows of a timeframe lie."""
    return out / f"timeframe={timeframe}" / f"date={np.datetime64(day, 'D')}" / PART
