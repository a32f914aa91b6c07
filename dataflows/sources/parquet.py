"""Ticks of one Parquet file, decoded a run of rows at a time."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dataflows.sources.arrow import decode
from dataflows.sources.block import Block, Place
from dataflows.sources.columns import FLOATS, columns_of
from dataflows.sources.errors import BadFile

BLOCK_ROWS: Final = 131_072
BUFFER_BYTES: Final = 1 << 22  # of a column at a time, so that a large row group is streamed
_FOOTER_BYTES: Final = 65_536


class ParquetLog:
    """A Parquet file of ticks. Schema and footer are checked here; raises BadFile."""

    def __init__(self, path: Path, block_rows: int = BLOCK_ROWS) -> None:
        self.path, self.block_rows = path, block_rows
        try:
            schema = pq.read_schema(path)
            texts = [field.name for field in schema if _is_text(field.type)]
            self._file = pq.ParquetFile(path, read_dictionary=texts, buffer_size=BUFFER_BYTES, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error
        self.columns = columns_of(path, schema.names)
        for field, column in self.columns.items():
            _check_type(path, column, field, schema.field(column).type)
        groups = [self._file.metadata.row_group(g) for g in range(self._file.num_row_groups)]
        self._starts = np.cumsum([0, *(group.num_rows for group in groups)])
        self.rows = int(self._starts[-1])
        self.fingerprint = f"{path.name}:{path.stat().st_size}:{self.rows}:{_footer_checksum(path):08x}"

    def blocks(self, begin: Place, between: tuple[int | None, int | None]) -> Iterator[Block]:
        """Decode from the row group that holds `begin` on, without the groups wholly outside the times."""
        first = max(0, int(np.searchsorted(self._starts, begin.row, side="right")) - 1)
        for group in range(first, self._file.num_row_groups):
            if not self._outside(group, between):
                yield from self._blocks_of_group(group, begin.row)

    def _blocks_of_group(self, group: int, from_row: int) -> Iterator[Block]:
        row = int(self._starts[group])
        batches = self._file.iter_batches(
            self.block_rows, row_groups=[group], columns=list(self.columns.values()), use_threads=False
        )
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise _unreadable(self.path, error) from error
            if batch is None:
                return
            end = row + batch.num_rows
            if end > from_row:
                yield decode(batch, self.columns, Place(row))
            row = end

    def _outside(self, group: int, between: tuple[int | None, int | None]) -> bool:
        """Whether the footer says that no row of the group lies in start <= ts_event < end."""
        start, end = between
        if start is None and end is None:
            return False
        index = self._file.schema_arrow.get_field_index(self.columns["ts_event"])
        kind = self._file.schema_arrow.field(index).type
        statistics = self._file.metadata.row_group(group).column(index).statistics
        if kind != pa.int64() and getattr(kind, "unit", "") != "ns":
            return False
        if statistics is None or not statistics.has_min_max or statistics.null_count != 0:
            return False
        return bool(
            (start is not None and statistics.max_raw < start) or (end is not None and statistics.min_raw >= end)
        )

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)
    )


def _is_whole(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_null(kind))


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_integer(kind))


_EXPECTED: Final[dict[str, tuple[Callable[[pa.DataType], bool], str]]] = {
    **dict.fromkeys(FLOATS, (_is_number, "a number")),
    **dict.fromkeys(("ts_event", "ts_recv"), (_is_time, "a timestamp, or an integer of ns UTC")),
    **dict.fromkeys(("symbol", "kind"), (_is_text, "a text")),
    **dict.fromkeys(("conditions", "sequence", "lane"), (_is_whole, "an integer")),
    "side": (lambda kind: _is_whole(kind) or _is_text(kind), "an integer (1, -1, 0) or a text (buy, sell)"),
}


def _check_type(path: Path, column: str, field: str, kind: pa.DataType) -> None:
    fits, expected = _EXPECTED[field]
    if not fits(kind):
        raise BadFile(path, f"column {column!r} of type {kind}", expected, "write the column with that type")


def _footer_checksum(path: Path) -> int:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _FOOTER_BYTES))
        return zlib.crc32(file.read())


def _unreadable(path: Path, error: Exception) -> BadFile:
    return BadFile(
        path, f"data that Parquet can't read ({error})", "a complete Parquet file", "copy or write the file again"
    )
