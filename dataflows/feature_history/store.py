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

from dataflows.feature_history.files import BAR_FIELDS, KEY, VALIDITY
from dataflows.feature_history.tables import bars_of, ids_of, last_rows, times_of, values_of, why_of
from models.config import SIGMA
from models.data.dataset import HORIZONS, Dataset, DatasetBuilder
from schema.features import FeatureRows
from schema.reasons import Why
from schema.ticks import Bool, Float64, Int64, UInt8
from schema.timeframes import parse_timeframe

DAY: Final = 86_400 * 10**9  # ns
_FORMAT: Final = ds.ParquetFileFormat(read_options=ds.ParquetReadOptions(dictionary_columns=["symbol"]))


class NoHistory(ValueError):
    """A folder, a timeframe or a column that isn't there."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """Rows found for n questions, in their order."""

    found: Bool  # (n,) False where there is no row, or only one that is too old
    time: Int64  # (n,) ns UTC of the row's close, 0 where none was found
    values: Float64  # (n, F) NaN where none was found
    why: UInt8  # (n, F) schema.reasons.Why; STALE where none was found


class FeatureStore:
    """One timeframe of a feature history. Reads open files anew."""

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
        self._schema = pq.read_schema(self._files[-1])
        about: dict[str, Any] = json.loads(self._schema.metadata[KEY])
        self.fingerprint: str = about["fingerprint"]
        self.fingerprints: dict[str, str] = about["fingerprints"]
        self.columns: tuple[str, ...] = tuple(about["columns"])
        self.symbols: tuple[str, ...] = tuple(about["symbols"])
        self._bar = tuple(name for name, _, _ in BAR_FIELDS if name in self._schema.names)
        self._place = {name: k for k, name in enumerate(self.columns)}

    def read(
        self, symbols: Sequence[str] | None = None, start: int | None = None, end: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:  # fmt: skip
        """Return rows of start <= time < end (ns UTC), ordered by time and name; None asks for all.

        `columns` are features, fields of the bar and `validity`; time and symbol are always there. Raises NoHistory
        for one that isn't known.
        """
        names = [*self.columns] if columns is None else [*columns]
        self._check(names, {*self.columns, *self._bar, VALIDITY})
        return self._rows(self._days(start, end), ["time", "symbol", *names], symbols, start, end)

    def as_of(
        self, times: Int64, symbols: Sequence[str], staleness_ns: int, columns: Sequence[str] | None = None
    ) -> AsOf:
        """Return the last row of each symbol that closed at or before the time beside it (n of both), never later.

        A row that closed more than `staleness_ns` before is too old. Raises NoHistory for an unknown column.
        """
        names, asked_time = [*self.columns] if columns is None else [*columns], np.asarray(times, np.int64)
        self._check(names, {*self.columns})
        if len(asked_time) != len(symbols) or staleness_ns < 0:
            raise ValueError(
                f"as_of: {len(asked_time)} times, {len(symbols)} symbols and a staleness of {staleness_ns} ns; "
                "expected as many of both and at least 0 ns"
            )
        first, last = (int(asked_time.min()), int(asked_time.max())) if len(asked_time) else (0, 0)
        table = self.read(sorted(set(symbols)), first - staleness_ns, last + 1, [*names, VALIDITY])
        place = {name: k for k, name in enumerate(self.symbols)}
        asked = np.array([place.get(name, -1) for name in symbols], np.int64)
        time = times_of(table)
        rows = last_rows(time, ids_of(table, self.symbols), asked_time, asked, staleness_ns)
        found = rows >= 0
        answer = AsOf(
            found, np.zeros(len(rows), np.int64), np.full((len(rows), len(names)), np.nan),
            np.full((len(rows), len(names)), Why.STALE, np.uint8),
        )  # fmt: skip
        answer.time[found] = time[rows[found]]
        answer.values[found] = values_of(table, names)[rows[found]]
        answer.why[found] = self._why(table, names)[rows[found]]
        return answer

    def training_set(
        self, start: int | None = None, end: int | None = None, *, columns: Sequence[str] | None = None,
        required: Sequence[str] = (), horizons: int = HORIZONS, scratch: Path | None = None,
    ) -> Dataset:  # fmt: skip
        """Return rows with labels joined at event time plus horizon: the set that a replay gives to training.

        A day is read at a time; the set lies in files without a name in the folder `scratch`, and goes with them.
        Raises NoHistory for an unknown column, TrainingRefused where there are no rows.
        """
        names = list(dict.fromkeys([*(self.columns if columns is None else columns), SIGMA, *required]))
        self._check(names, {*self.columns})
        builder = DatasetBuilder(
            names,
            self.fingerprints,
            parse_timeframe(self.timeframe),
            0,
            horizons=horizons,
            required=required,
            folder=scratch,
        )
        for day in self._days(start, end):
            table = self._rows([day], [*self._bar, *names, VALIDITY], None, start, end)
            builder.add(bars_of(table, self.symbols), FeatureRows(values_of(table, names), self._why(table, names)))
        return builder.finish()

    def _days(self, start: int | None, end: int | None) -> list[Path]:
        """Return the files that may hold rows of these times."""
        return [path for path in self._files if _may_hold(path, start, end)]

    def _rows(
        self, files: Sequence[Path], names: Sequence[str], symbols: Sequence[str] | None, start: int | None,
        end: int | None,
    ) -> pa.Table:  # fmt: skip
        wanted = list(dict.fromkeys(names))
        if not files:
            return self._schema.empty_table().select(wanted)
        rows = ds.dataset([str(path) for path in files], self._schema, _FORMAT)
        return rows.to_table(columns=wanted, filter=_filter(symbols, start, end), use_threads=False)

    def _why(self, table: pa.Table, names: Sequence[str]) -> UInt8:
        return why_of(table, [self._place[name] for name in names], len(self.columns))

    def _check(self, names: Sequence[str], known: set[str]) -> None:
        if missing := [name for name in names if name not in known]:
            raise NoHistory(
                f"feature history {self.folder}: it has no columns {missing}, expected some of its "
                f"{len(self.columns)} features (`columns` lists them); build it with the families that hold them"
            )


def open_store(folder: Path, timeframe: str = "1m") -> FeatureStore:
    """Open one timeframe of the history in a folder. Raises NoHistory where there is none."""
    return FeatureStore(folder, timeframe)


def _filter(symbols: Sequence[str] | None, start: int | None, end: int | None) -> Any:
    """Return the expression of what is asked, None for everything."""
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
