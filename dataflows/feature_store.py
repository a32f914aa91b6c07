"""Point-in-time reads of a feature history that `undertone features build` wrote.

A row is known from its bar's close on. So `as_of` never gives a row that closed later than it is asked for, and a
training set read from here equals the one that a replay gives.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dataflows.feature_history.files import BAR_FIELDS, KEY, VALIDITY
from models.config import SIGMA
from models.dataset import HORIZONS, Dataset, DatasetBuilder
from schema.bars import Bars, empty_bars
from schema.features import FeatureRows
from schema.reasons import Why
from schema.ticks import Bool, Int64, UInt8
from schema.timeframes import parse_timeframe

DAY: Final = 86_400 * 10**9  # ns
_KEYS: Final = ("time", "symbol")


class NoHistory(ValueError):
    """A folder, a timeframe or a column that isn't there."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """Rows found for n questions, in their order."""

    found: Bool  # (n,) False where there is no row, or only one that is too old
    time: Int64  # (n,) ns UTC of the row's close, 0 where none was found
    values: NDArray[np.float64]  # (n, F) NaN where none was found
    why: UInt8  # (n, F) schema.reasons.Why; NO_FEED where none was found, since history brings nothing


class FeatureStore:
    """One timeframe of a feature history. Immutable; reads open files anew."""

    def __init__(self, folder: Path, timeframe: str) -> None:
        """Use `open_store`."""
        self.folder, self.timeframe = folder, timeframe
        self._files = sorted((folder / f"timeframe={timeframe}").glob("date=*/*.parquet"))
        if not self._files:
            known = sorted(path.name.partition("=")[2] for path in folder.glob("timeframe=*"))
            raise NoHistory(
                f"feature history {folder}: it has no rows of timeframe {timeframe}, it has {known or 'none'}; "
                "name one of those, or build it with `undertone features build`"
            )
        about: dict[str, Any] = json.loads(pq.read_schema(self._files[-1]).metadata[KEY])
        self.fingerprint: str = about["fingerprint"]
        self.fingerprints: dict[str, str] = about["fingerprints"]
        self.columns: tuple[str, ...] = tuple(about["columns"])
        self.symbols: tuple[str, ...] = tuple(about["symbols"])
        self._place = {name: k for k, name in enumerate(self.columns)}
        self._ids = {name: k for k, name in enumerate(self.symbols)}

    def read(
        self, symbols: Sequence[str] | None = None, start: int | None = None, end: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:  # fmt: skip
        """Return rows of start <= time < end (ns UTC), ordered by time and name; None asks for all.

        `columns` are features and fields of the bar; time and symbol are always there. Raises NoHistory for one that
        isn't known.
        """
        names = [*self.columns] if columns is None else [*columns]
        self._check(names, {*self.columns, *(name for name, _, _ in BAR_FIELDS), VALIDITY})
        wanted = list(dict.fromkeys([*_KEYS, *names]))
        files = [str(path) for path in self._files if _may_hold(path, start, end)] or [str(self._files[0])]
        rows = ds.dataset(files, format=_FORMAT, schema=pq.read_schema(self._files[-1]))
        return rows.to_table(columns=wanted, filter=_filter(symbols, start, end), use_threads=False)

    def as_of(
        self, times: Int64, symbols: Sequence[str], staleness_ns: int, columns: Sequence[str] | None = None
    ) -> AsOf:
        """Return the last row of each symbol that closed at or before the time beside it (n of both), never later.

        A row that closed more than `staleness_ns` before is too old.
        """
        if len(times) != len(symbols) or staleness_ns < 0:
            raise ValueError(
                f"as_of: {len(times)} times, {len(symbols)} symbols and a staleness of {staleness_ns} ns; expected as "
                "many of both and at least 0 ns"
            )
        names = [*self.columns] if columns is None else [*columns]
        self._check(names, set(self.columns))
        n = len(times)
        answer = AsOf(
            np.zeros(n, np.bool_), np.zeros(n, np.int64), np.full((n, len(names)), np.nan),
            np.full((n, len(names)), Why.NO_FEED, np.uint8),
        )  # fmt: skip
        if n:
            first, last = int(times.min()) - staleness_ns, int(times.max()) + 1
            rows = self.read(sorted(set(symbols)), first, last, [*names, VALIDITY])
            self._fill(answer, np.asarray(times), symbols, staleness_ns, rows, names)
        return answer

    def training_set(
        self, start: int | None = None, end: int | None = None, *, columns: Sequence[str] | None = None,
        required: Sequence[str] = (), horizons: int = HORIZONS,
    ) -> Dataset:  # fmt: skip
        """Return rows with labels joined at event time plus horizon: the set that a replay gives to training."""
        names = list(dict.fromkeys([*(self.columns if columns is None else columns), SIGMA, *required]))
        self._check(names, set(self.columns))
        timeframe = parse_timeframe(self.timeframe)
        builder = DatasetBuilder(
            names, self.fingerprints, timeframe, 0, horizons=horizons, columns=names, required=required
        )
        for path in self._files:
            if _may_hold(path, start, end):
                table = self._day(path, start, end, names)
                builder.add(self._bars(table), FeatureRows(_matrix(table, names), self._why(table, names)))
        return builder.finish()

    def _day(self, path: Path, start: int | None, end: int | None, names: Sequence[str]) -> pa.Table:
        wanted = [*(name for name, _, _ in BAR_FIELDS), *names, VALIDITY]
        return ds.dataset(str(path), format=_FORMAT).to_table(
            columns=wanted, filter=_filter(None, start, end), use_threads=False
        )

    def _fill(
        self, answer: AsOf, times: Int64, symbols: Sequence[str], staleness_ns: int, rows: pa.Table,
        names: Sequence[str],
    ) -> None:  # fmt: skip
        time, ids = _integers(rows, "time"), self._symbol_ids(rows)
        order = np.lexsort((time, ids))
        asked = np.array([self._ids.get(name, -1) for name in symbols])
        for symbol in np.unique(asked[asked >= 0]).tolist():
            mine = order[np.searchsorted(ids, symbol, "left", order) : np.searchsorted(ids, symbol, "right", order)]
            questions = np.flatnonzero(asked == symbol)
            at = np.searchsorted(time[mine], times[questions], side="right") - 1
            some = at >= 0
            questions, at = questions[some], mine[at[some]]
            fresh = times[questions] - time[at] <= staleness_ns
            answer.found[questions[fresh]] = True
            answer.time[questions[fresh]] = at[fresh]  # the row; its time follows
        rows_found = answer.time[answer.found]
        answer.time[answer.found] = time[rows_found]
        answer.values[answer.found] = _matrix(rows, names)[rows_found]
        answer.why[answer.found] = self._why(rows, names)[rows_found]

    def _bars(self, table: pa.Table) -> Bars:
        bars = empty_bars(table.num_rows)
        for column in bars:
            column[...] = 0
        for name, field, kind in BAR_FIELDS:
            read = self._symbol_ids if field == "symbol" else _integers if pa.types.is_timestamp(kind) else _numbers
            getattr(bars, field)[...] = read(table, name)
        return bars

    def _why(self, table: pa.Table, names: Sequence[str]) -> UInt8:
        width = len(self.columns)
        column = table.column(VALIDITY).cast(pa.binary(width)).combine_chunks()
        chunk = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        words = np.frombuffer(chunk.buffers()[1], np.uint8) if len(chunk) else np.zeros(0, np.uint8)
        every = words[chunk.offset * width : (chunk.offset + len(chunk)) * width].reshape(-1, width)
        return every[:, [self._place[name] for name in names]]

    def _symbol_ids(self, table: pa.Table, name: str = "symbol") -> NDArray[np.int32]:
        ids = pc.index_in(table.column(name).cast(pa.string()), pa.array(self.symbols, pa.string()))
        return np.asarray(ids.to_numpy(), np.int32)

    def _check(self, names: Sequence[str], known: set[str]) -> None:
        if missing := [name for name in names if name not in known]:
            raise NoHistory(
                f"feature history {self.folder}: it has no columns {missing}; `columns` lists what it has, built with "
                f"fingerprint {self.fingerprint}"
            )


def open_store(folder: Path, timeframe: str = "1m") -> FeatureStore:
    """Open one timeframe of the history in a folder. Raises NoHistory where there is none."""
    return FeatureStore(folder, timeframe)


_FORMAT: Final = ds.ParquetFileFormat(read_options=ds.ParquetReadOptions(dictionary_columns=["symbol"]))


def _filter(symbols: Sequence[str] | None, start: int | None, end: int | None) -> Any:
    kept = [] if symbols is None else [pc.field("symbol").isin(pa.array(symbols, pa.string()))]
    kept += [] if start is None else [pc.field("time") >= _stamp(start)]
    kept += [] if end is None else [pc.field("time") < _stamp(end)]
    found = None
    for part in kept:
        found = part if found is None else found & part
    return found


def _stamp(ns: int) -> pa.Scalar:
    return pa.scalar(ns, pa.timestamp("ns", "UTC"))


def _may_hold(path: Path, start: int | None, end: int | None) -> bool:
    day = int(np.datetime64(path.parent.name.partition("=")[2], "D").astype(np.int64))
    return (start is None or (day + 1) * DAY > start) and (end is None or day * DAY < end)


def _integers(table: pa.Table, name: str) -> Int64:
    return np.asarray(table.column(name).cast(pa.int64()).to_numpy())


def _numbers(table: pa.Table, name: str) -> NDArray[Any]:
    return np.asarray(table.column(name).to_numpy())


def _matrix(table: pa.Table, names: Sequence[str]) -> NDArray[np.float64]:
    values = np.empty((table.num_rows, len(names)))
    for k, name in enumerate(names):
        values[:, k] = _numbers(table, name)
    return values
