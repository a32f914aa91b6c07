"""History: files of ticks, read in the given order as one log."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Final

import numpy as np

from dataflows.batch import Arrivals
from dataflows.interfaces import EndOfInput, Snapshot
from dataflows.sources.block import Block, FileLog, Place, cut
from dataflows.sources.csv import CsvLog
from dataflows.sources.errors import BadFile, OtherLog
from dataflows.sources.event_file import SUFFIXES, EventFile
from dataflows.sources.heartbeat import with_heartbeats
from dataflows.sources.parquet import ParquetLog
from schema.events import Event
from schema.ticks import HEARTBEAT, Int32, take

SECOND_NS: Final = 1_000_000_000
_NO_EARLIER, _NO_LATER = -(1 << 63), (1 << 63) - 1


class FileSource:
    """Parquet and CSV files as one log of ticks.

    A tick's `offset` is its row number over all files, rows that the filters drop counted, so it names the same row
    whatever the filters. Positions are exact to the row, so the batch size may change at a seek.

    With `lanes` above 1 the log looks partitioned. A file with a `lane` (or `partition`) column is a recording: its
    lanes and its heartbeats are taken as they are. In others the lane is the symbol's checksum, and every lane gets a
    heartbeat each second of event time. With 1 lane such a column is not used.

    A file of events among them (`.jsonl`) has no place in the order: its events wait for their time from the first
    batch on.
    """

    def __init__(
        self,
        paths: Iterable[str | PathLike[str]],
        batch_size: int = 65_536,
        lanes: int = 1,
        start_ns: int | None = None,
        end_ns: int | None = None,
        symbols: Iterable[str] | None = None,
    ) -> None:
        """Check all files (schemas, footers) before any is read; only ticks of start <= ts_event < end are given.

        Raises BadFile for a file that can't be read as ticks.
        """
        if batch_size < 1 or lanes < 1:
            raise ValueError(f"file source: batch_size {batch_size} and lanes {lanes} must be at least 1")
        self.batch_size = batch_size
        self.lanes = tuple(str(lane) for lane in range(lanes))
        self._between = (start_ns, end_ns)
        self._symbols = None if symbols is None else frozenset(symbols)
        found = [Path(path) for path in paths]
        self._event_files = [EventFile(path) for path in found if path.suffix.lower() in SUFFIXES]
        self._logs = [open_log(path) for path in found if path.suffix.lower() not in SUFFIXES]
        if not self._logs:
            raise ValueError("file source: no files of ticks given, expected at least one")
        self._starts = [0]  # offset of each file's first row, as far as read
        self._file, self._row, self._begin = 0, 0, Place()
        self._names: tuple[str, ...] = ()
        self._blocks: Iterator[Block] = self._decoded(Place())
        self._block: Block | None = None
        self._next = 0  # place in the block
        self._newest = 0  # ns, the greatest event time given

    @property
    def files(self) -> list[str]:
        """The files' names in order."""
        return [*(str(log.path) for log in self._logs), *(str(file.path) for file in self._event_files)]

    def next_batch(self) -> Arrivals:
        """Return the next ticks, at most a batch. Raises EndOfInput behind the last, BadFile for damaged data."""
        events = self._events() if (self._file, self._row) == (0, 0) else ()
        block = self._block
        while block is None or self._next >= len(block.ticks.ts_event):
            block = self._advance()
        low, high = self._next, min(self._next + self.batch_size, len(block.ticks.ts_event))
        self._next = high
        ticks = take(block.ticks, slice(low, high))
        done = high == len(block.ticks.ts_event)
        self._row = block.end_row if done else int(ticks.offset[-1]) - self._starts[self._file] + 1
        malformed, unknown = cut(block.malformed, low, high), cut(block.unknown_kinds, low, high)
        arrivals = Arrivals(ticks, block.names, malformed, events, unknown)
        if len(self.lanes) > 1 and "lane" not in self._logs[self._file].columns:
            arrivals, self._newest = with_heartbeats(arrivals, len(self.lanes), SECOND_NS, self._newest)
        return arrivals

    def position(self) -> Snapshot:
        """Return the next row to read, and what tells this log from another."""
        return {
            "file": self._file,
            "row": self._row,
            "block_row": self._begin.row,
            "block_byte": self._begin.byte,
            "newest": self._newest,
            "starts": list(self._starts),
            "files": self._fingerprints(),
        }

    def seek(self, position: Snapshot) -> None:
        """Continue from a position. Raises OtherLog where the files are not those of the position."""
        ours = self._fingerprints()
        theirs = [str(print_) for print_ in position["files"]]
        if ours != theirs:
            raise OtherLog(
                f"the files are {ours}, the position was taken in {theirs} (name:bytes:rows:checksum each); give the "
                "same files in the same order, or start without the checkpoint"
            )
        self._file, self._row = int(position["file"]), int(position["row"])
        self._newest = int(position["newest"])
        self._starts = [int(start) for start in position["starts"]]
        self._begin = Place(int(position["block_row"]), int(position["block_byte"]))
        self._blocks = self._decoded(self._begin)
        self._block, self._next = None, 0

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Resolve to file names, lanes and rows in the file (from 0, a CSV's header not counted)."""
        starts, offset = np.array(self._starts, np.int64), np.asarray(offset)
        file = np.searchsorted(starts, offset, side="right") - 1
        names = [*(log.path.name for log in self._logs), ",".join(file.path.name for file in self._event_files)]
        place = np.where(file < 0, -1 - offset, offset - starts[file])  # an event's line, or a tick's row
        return [names[k] for k in file.tolist()], np.asarray(lane), place

    def close(self) -> None:
        """Release the files."""
        self._block = None
        for log in self._logs:
            log.close()

    def _fingerprints(self) -> list[str]:
        return [*(log.fingerprint for log in self._logs), *(file.fingerprint for file in self._event_files)]

    def _events(self) -> tuple[Event, ...]:
        """Return the events of the wanted times and symbols, each on its symbol's lane."""
        start, end = self._between
        low, high = _NO_EARLIER if start is None else start, _NO_LATER if end is None else end
        chosen = [
            event
            for file in self._event_files
            for event in file.events
            if low <= event.ts_event < high
            and (self._symbols is None or not event.symbol or event.symbol in self._symbols)
        ]
        lanes = lanes_of([event.symbol for event in chosen], len(self.lanes)).tolist()
        return tuple(replace(event, lane=lane) for event, lane in zip(chosen, lanes))

    def _advance(self) -> Block:
        """Step to the next block, in the next file where this one is done."""
        block = next(self._blocks, None)
        while block is None:
            if self._file + 1 == len(self._logs):
                raise EndOfInput
            self._starts.append(self._starts[self._file] + self._logs[self._file].rows)
            self._file, self._row, self._begin = self._file + 1, 0, Place()
            self._blocks = self._decoded(Place())
            block = next(self._blocks, None)
        self._block, self._begin = block, block.begin
        self._next = int(np.searchsorted(block.ticks.offset, self._starts[self._file] + self._row))
        return block

    def _decoded(self, begin: Place) -> Iterator[Block]:
        """Decode the current file from a block's begin on: filtered, with its lanes and offsets."""
        log, first = self._logs[self._file], self._starts[self._file]
        for block in log.blocks(begin, self._between):
            # The same names are the same object, so that what is looked up by name is looked up once.
            self._names = block.names = self._names if block.names == self._names else block.names
            block.ticks.offset[:] += first
            self._filter(block)
            if len(self.lanes) == 1:
                block.ticks.lane[:] = 0
            elif "lane" in log.columns:
                self._check_lanes(block)
            else:
                block.ticks.lane[:] = lanes_of(block.names, len(self.lanes))[block.ticks.symbol]
            yield block

    def _filter(self, block: Block) -> None:
        """Drop what lies outside the times and symbols; what has no readable time or symbol stays, to be refused."""
        start, end = self._between
        time = block.ticks.ts_event
        if start is not None or end is not None:
            low, high = _NO_EARLIER if start is None else start, _NO_LATER if end is None else end
            block.keep(((time >= low) & (time < high)) | (time == 0))
        if self._symbols is not None:
            wanted = np.array([*(name in self._symbols for name in block.names), True])
            block.keep(wanted[block.ticks.symbol] | (block.ticks.kind == HEARTBEAT))

    def _check_lanes(self, block: Block) -> None:
        outside = (block.ticks.lane < 0) | (block.ticks.lane >= len(self.lanes))
        for row in np.flatnonzero(outside).tolist():
            block.malformed.setdefault(row, f"lane={block.ticks.lane[row]}, there are {len(self.lanes)} lanes")
        block.ticks.lane[outside] = 0


def lanes_of(names: Sequence[str], lanes: int) -> Int32:
    """Return the lane of each symbol by the checksum of its name, and 0 for `NO_SYMBOL` at the end."""
    return np.array([*(zlib.crc32(name.encode()) % lanes for name in names), 0], np.int32)


def open_log(path: Path) -> FileLog:
    """Open a file of ticks by its content and name. Raises BadFile."""
    if not path.exists():
        raise BadFile(path, "no such file", "a Parquet or CSV file of ticks", "check the path")
    if not path.is_file():
        raise BadFile(path, "a directory", "a Parquet or CSV file of ticks", "name the files in it, in order")
    with path.open("rb") as file:
        head = file.read(4)
    if not head:
        raise BadFile(path, "an empty file (0 bytes)", "a Parquet or CSV file of ticks", "copy or write it again")
    if head == b"PAR1":
        return ParquetLog(path)
    if path.suffix.lower() in (".csv", ".txt"):
        return CsvLog(path)
    expected = "the Parquet mark 'PAR1'" if path.suffix.lower() == ".parquet" else "a .parquet or .csv file"
    raise BadFile(path, f"a file that begins with {head!r}", expected, "convert it, or decompress it if it is packed")
