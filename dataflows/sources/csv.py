"""Ticks of one CSV file, decoded some megabytes at a time."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from dataflows.sources.arrow import decode
from dataflows.sources.block import Block, Place
from dataflows.sources.cells import read_cells
from dataflows.sources.columns import columns_of
from dataflows.sources.errors import BadFile
from schema.ticks import count, ticks_of

CHUNK_BYTES: Final = 1 << 22
_SAMPLE_BYTES: Final = 65_536
_MOST_LINE_BYTES: Final = 1 << 20


class CsvLog:
    """A CSV file of ticks with a header line. The header is checked here; raises BadFile.

    A row that can't be split into the header's columns, or a cell that can't be read, makes that row malformed; the
    rest goes on. Cells may be quoted and hold line ends then. Blank lines are no rows.
    """

    def __init__(self, path: Path, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.path, self.chunk_bytes = path, chunk_bytes
        self.rows = 0
        with path.open("rb") as file:
            header = file.read(_SAMPLE_BYTES)
            file.seek(max(0, path.stat().st_size - _SAMPLE_BYTES))
            checksum = zlib.crc32(header + file.read())
        self.fingerprint = f"{path.name}:{path.stat().st_size}::{checksum:08x}"
        end = last_line_end(header[: header.find(b"\n") + 1]) or last_line_end(header) or len(header)
        self._body = end
        self._header = _header_cells(path, header[:end])
        self.columns = columns_of(path, self._header)

    def blocks(self, begin: Place, between: tuple[int | None, int | None]) -> Iterator[Block]:
        """Decode from a block's begin on; the times are not used: a CSV has no index."""
        row, byte = begin.row, begin.byte or self._body
        with self.path.open("rb") as file:
            file.seek(byte)
            for chunk in self._chunks(file):
                block = self._decode(chunk, Place(row, byte))
                row, byte = block.end_row, byte + len(chunk)
                yield block
        self.rows = row

    def close(self) -> None:
        """Nothing is held between reads."""

    def _chunks(self, file: BinaryIO) -> Iterator[bytes]:
        """Cut the file behind line ends that are not inside quotes."""
        rest = b""
        while read := file.read(self.chunk_bytes):
            rest += read
            while len(rest) >= self.chunk_bytes and (end := self._cut(rest)):
                yield rest[:end]
                rest = rest[end:]
        while rest:
            end = len(rest) if rest.count(b'"') % 2 == 0 else last_line_end(rest) or _after_first_line(rest)
            yield rest[:end]
            rest = rest[end:]

    def _cut(self, rest: bytes) -> int:
        """Return where to cut, 0 to read on first. A quote still open after a whole megabyte costs its own line."""
        end = last_line_end(rest)
        if end or len(rest) < _MOST_LINE_BYTES:
            return end
        if b"\n" not in rest:
            raise BadFile(self.path, f"a line of more than {len(rest)} bytes", "lines of ticks", "look into the file")
        return _after_first_line(rest)

    def _decode(self, chunk: bytes, begin: Place) -> Block:
        torn: dict[int, str] = {}  # row in the chunk -> what was found

        def tear(row: arrow_csv.InvalidRow) -> str:
            torn[row.number - 1] = (
                f"{row.actual_columns} cells where the header has {row.expected_columns}: {row.text[:200]!r}"
            )
            return "skip"

        table = arrow_csv.read_csv(
            pa.BufferReader(chunk),
            arrow_csv.ReadOptions(column_names=self._header, use_threads=False, block_size=len(chunk) + 1),
            arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=tear),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(self._header, pa.binary()),
                include_columns=list(self.columns.values()),
                check_utf8=False,
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
        batch, malformed = read_cells(table, self.columns)
        block = decode(batch, {field: field for field in self.columns}, begin)
        block.malformed.update(malformed)
        return _with_torn(block, torn) if torn else block


def last_line_end(data: bytes) -> int:
    """Return the place behind the last line end outside of quotes, 0 if there is none."""
    if b'"' not in data:
        return data.rfind(b"\n") + 1
    symbols = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(symbols == ord("\n"))
    quotes = np.flatnonzero(symbols == ord('"'))
    outside = ends[np.searchsorted(quotes, ends) % 2 == 0]
    return int(outside[-1]) + 1 if len(outside) else 0


def _after_first_line(data: bytes) -> int:
    return data.find(b"\n") + 1 or len(data)


def _header_cells(path: Path, line: bytes) -> list[str]:
    try:
        cells = next(csv.reader(io.StringIO(line.decode("utf-8-sig"))))
    except (UnicodeDecodeError, StopIteration, csv.Error) as error:
        raise BadFile(path, f"no readable header ({error})", "a header line with column names", "add one") from error
    return [cell.strip() for cell in cells]


def _with_torn(block: Block, torn: dict[int, str]) -> Block:
    """Put the rows that could not be split back where they stood, without content."""
    n = count(block.ticks) + len(torn)
    whole = np.ones(n, np.bool_)
    whole[list(torn)] = False
    places = np.flatnonzero(whole)
    ticks = ticks_of(n)
    for field, column in block.ticks._asdict().items():
        getattr(ticks, field)[whole] = column
    ticks = ticks._replace(offset=np.arange(block.begin.row, block.begin.row + n, dtype=np.int64))
    malformed = {int(places[row]): text for row, text in block.malformed.items()} | torn
    unknown = {int(places[row]): text for row, text in block.unknown_kinds.items()}
    return Block(block.begin, block.begin.row + n, ticks, block.names, malformed, unknown)
