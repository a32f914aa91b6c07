"""Scored news and social items from files: CSV or Parquet with `ts_event, symbol, kind, score`.

The files are read whole and checked when the flow is built: an item that can't be read stops the start.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from dataflows.sources.arrow import coded, floats, nanoseconds
from dataflows.sources.errors import BadFile
from schema.items import KINDS, NO_ITEMS, Items
from schema.ticks import NO_SYMBOL, UInt8

COLUMNS: Final = ("ts_event", "symbol", "kind", "score")
_UNKNOWN: Final = 255


@dataclass(frozen=True)
class ItemLog:
    """All items in order of event time; `items.symbol` indexes `names`."""

    items: Items
    names: tuple[str, ...]
    fingerprint: str  # names the files and what they hold

    @property
    def feed(self) -> UInt8:
        """Say of each kind whether there is a feed of it: every kind, as soon as files are given."""
        return np.full(len(KINDS), bool(self.fingerprint), np.uint8)


NO_LOG: Final = ItemLog(NO_ITEMS, (), "")


def read_items(paths: Sequence[Path]) -> ItemLog:
    """Read and merge files of items by event time; at equal times files and rows keep their order.

    Raises BadFile where a file is not of items, or an item lacks a time, a symbol, a known kind or a score in -1 .. 1.
    """
    if not paths:
        return NO_LOG
    parts: list[Items] = []
    names: list[str] = []
    marks = []
    for path in paths:
        items, own = _read(path)
        parts.append(items._replace(symbol=(items.symbol + len(names)).astype(np.int32)))
        names += own
        marks.append(f"{path.name}:{zlib.crc32(path.read_bytes()):08x}")
    joined = Items._make(np.concatenate(columns) for columns in zip(*parts))
    order = np.argsort(joined.ts_event, kind="stable")
    return ItemLog(Items._make(column[order] for column in joined), tuple(names), " ".join(marks))


def _code(code: int, name: str) -> int:
    return code if name else NO_SYMBOL


def _read(path: Path) -> tuple[Items, tuple[str, ...]]:
    try:
        table = csv.read_csv(path) if path.suffix == ".csv" else pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise BadFile(path, f"a file that can't be read: {error}", "CSV or Parquet", "check sentiment.items") from error
    if missing := [name for name in COLUMNS if name not in table.column_names]:
        expected = ", ".join(COLUMNS)
        raise BadFile(path, f"the columns {table.column_names}, without {missing}", expected, "add the missing columns")
    columns = {name: table.column(name).combine_chunks() for name in COLUMNS}
    try:
        time, score = nanoseconds(columns["ts_event"]), floats(columns["score"])
    except pa.ArrowException as error:
        raise BadFile(path, str(error), "times in ns and scores as numbers", "correct the file") from error
    symbol, names = coded(columns["symbol"].cast(pa.string()), _code, NO_SYMBOL, np.int32)
    kind, _ = coded(columns["kind"].cast(pa.string()), lambda code, name: KINDS.get(name, _UNKNOWN), _UNKNOWN, np.uint8)
    readable = (time > 0) & (symbol != NO_SYMBOL) & (kind != _UNKNOWN) & (np.abs(score) <= 1.0)
    if not readable.all():
        row = int(readable.argmin())
        found = {name: column[row].as_py() for name, column in columns.items()}
        expected = f"a time in ns, a symbol, a kind of {list(KINDS)} and a score in -1 .. 1"
        raise BadFile(path, f"{found} in row {row}", expected, "correct or drop the row")
    return Items(time, symbol, kind, score), names
