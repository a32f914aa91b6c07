"""The Parquet files of a feature history: their columns, their settings, and how rows become columns.

Settings were chosen by measurement (docs/history.md): features are noise in their low bits, so dictionaries and
statistics of them cost time and save nothing; rows of validity repeat, so a dictionary makes them almost free.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit

from schema.bars import Bars, concat_bars, take_bars
from schema.ticks import Float64, UInt8

KEY: Final = b"undertone"  # in the file metadata: JSON of `describe`
PRICES: Final = ("open", "high", "low", "close", "volume", "notional", "bid", "bid_size", "ask", "ask_size", "mid")
_STAMP: Final = pa.timestamp("ns", "UTC")
BAR_FIELDS: Final = (  # of the file, of Bars, type
    ("time", "time", _STAMP),
    ("symbol", "symbol", pa.dictionary(pa.int32(), pa.string())),
    ("bar_sequence", "sequence", pa.int64()),
    ("start", "start", _STAMP),
    *((name, name, pa.float64()) for name in PRICES),
    ("basis", "basis", pa.float64()),
    ("trades", "trades", pa.int64()),
    ("quotes", "quotes", pa.int64()),
    ("flags", "flags", pa.uint16()),
    ("phase", "phase", pa.uint8()),
    ("session_open", "session_open", _STAMP),
    ("session_close", "session_close", _STAMP),
)
REPEATING: Final = ("time", "symbol", "start", "basis", "flags", "phase", "session_open", "session_close")
VALIDITY: Final = "validity"
COMPRESSION: Final = "lz4"
GROUP_ROWS: Final = 32_768  # 207 MB of 789 columns; with fewer, each column's fixed cost shows
_TILE: Final = 8


def schema_of(columns: Sequence[str], about: dict[str, Any]) -> pa.Schema:
    """Return the schema of files with these feature columns; `about` goes into their metadata."""
    fields = [pa.field(name, kind, nullable=False) for name, _, kind in BAR_FIELDS]
    fields += [pa.field(name, pa.float64(), nullable=False) for name in columns]
    fields.append(pa.field(VALIDITY, pa.binary(len(columns)), nullable=False))
    return pa.schema(fields, {KEY: json.dumps({**about, "columns": list(columns)}).encode()})


class HistoryFile:
    """One Parquet file being written; it gets its name when it is closed in good order."""

    def __init__(self, path: Path, schema: pa.Schema, symbols: Sequence[str]) -> None:
        """Write beside `path`; `symbols` are the names by id."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.schema = path, schema
        self._symbols = pa.array(symbols, pa.string())
        self._beside = path.with_name(f".{path.name}")
        split = [field.name for field in schema if pa.types.is_float64(field.type) and field.name not in REPEATING]
        self._writer = pq.ParquetWriter(
            self._beside, schema, compression=COMPRESSION, use_dictionary=[*REPEATING, VALIDITY],
            use_byte_stream_split=split, write_statistics=["time", "symbol"], data_page_size=1 << 24,
            dictionary_pagesize_limit=1 << 20, write_batch_size=GROUP_ROWS,
        )  # fmt: skip
        width = len(schema) - len(BAR_FIELDS) - 1
        self._columns, self._why = np.empty((width, GROUP_ROWS)), np.empty((GROUP_ROWS, width), np.uint8)
        self._bars: list[Bars] = []
        self._held = 0

    def write(self, bars: Bars, values: Float64, why: UInt8) -> None:
        """Add rows."""
        done, n = 0, len(why)
        while done < n:
            rows = slice(done, done + min(GROUP_ROWS - self._held, n - done))
            end = self._held + rows.stop - done
            turn(values[rows], self._columns, self._held)
            self._why[self._held : end] = why[rows]
            self._bars.append(take_bars(bars, rows))
            self._held, done = end, rows.stop
            if self._held == GROUP_ROWS:
                self._write_group()

    def close(self) -> None:
        """Finish the file and give it its name."""
        self._write_group()
        self._writer.close()
        os.replace(self._beside, self.path)

    def _write_group(self) -> None:
        n, bars = self._held, concat_bars(self._bars)
        if n:
            arrays = [self._bar_column(getattr(bars, field), kind) for _, field, kind in BAR_FIELDS]
            arrays += [pa.array(column[:n]) for column in self._columns]
            words = [None, pa.py_buffer(self._why[:n])]
            arrays.append(pa.FixedSizeBinaryArray.from_buffers(pa.binary(len(self._columns)), n, words))
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self.schema), row_group_size=n)
        self._bars, self._held = [], 0

    def _bar_column(self, column: np.ndarray, kind: pa.DataType) -> pa.Array:
        if pa.types.is_dictionary(kind):
            return pa.DictionaryArray.from_arrays(pa.array(column), self._symbols)
        return pa.array(column).cast(kind) if pa.types.is_timestamp(kind) else pa.array(column)


@njit(cache=True)
def turn(rows: Float64, columns: Float64, at: int) -> None:
    """Write n rows (n, F) as columns (F, capacity) from `at` on, tile by tile, since strides miss the cache."""
    n, width = rows.shape
    for first in range(0, n, _TILE):
        last = min(first + _TILE, n)
        for left in range(0, width, _TILE):
            right = min(left + _TILE, width)
            for c in range(left, right):
                for r in range(first, last):
                    columns[c, at + r] = rows[r, c]
