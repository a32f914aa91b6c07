"""The spool: an append-only log of segment files between the flow, which appends, and the helper, which ships.

A position counts bytes from the first record ever; a segment file is named after the position it begins at. What
lies before the helper's position is deleted, segment by segment.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataflows.sinks.errors import StoreUnavailable
from dataflows.sinks.questdb.frames import WORD, checksum
from ops.durable import sync

SEGMENT_BYTES: Final = 64 << 20
_HEAD: Final = struct.Struct("<IIQQq")  # mark, kind, length of the payload, its checksum, sequence
_MARK: Final = 0x31505355


class Kind(IntEnum):
    """What a record holds."""

    ROWS = 1
    COMMIT = 2  # all rows up to batch `sequence` lie before it


class Entry(NamedTuple):
    """A record to be written; its payload is whole words."""

    kind: Kind
    sequence: int
    payload: Sequence[NDArray[np.uint64]] = ()


class Record(NamedTuple):
    """One record and the position behind it."""

    kind: Kind
    sequence: int
    payload: bytes
    end: int


def size_of(payload: Sequence[NDArray[np.uint64]]) -> int:
    """Return how many bytes a record takes."""
    return _HEAD.size + WORD * sum(len(part) for part in payload)


def segments(folder: Path) -> list[tuple[int, Path]]:
    """Return the segment files with the positions they begin at, in order."""
    return sorted((int(path.stem), path) for path in folder.glob("*.spool"))


class Appender:
    """The flow's end. One thread calls it."""

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Go on behind what is in the folder; a record that was being written when the process died is cut off."""
        self._folder, self._segment_bytes = folder, segment_bytes
        self.position = _repaired(folder)
        self._begin, self._file = self.position, -1

    def append(self, kind: Kind, sequence: int, payload: Sequence[NDArray[np.uint64]] = ()) -> int:
        """Write one record as `extend` does."""
        return self.extend([Entry(kind, sequence, payload)])

    def extend(self, entries: Sequence[Entry]) -> int:
        """Write records into the page cache, all or none, and return the position behind them.

        Raises StoreUnavailable.
        """
        if self._file < 0 or self.position - self._begin >= self._segment_bytes:
            self._roll()
        size, parts = 0, list[bytes | memoryview]()
        for kind, sequence, payload in entries:
            length = size_of(payload) - _HEAD.size
            parts.append(_HEAD.pack(_MARK, kind, length, _sealed(checksum(payload), kind, sequence), sequence))
            parts += (part.view(np.uint8).data for part in payload)
            size += _HEAD.size + length
        try:
            _write_all(self._file, parts)
        except OSError as error:
            os.ftruncate(self._file, self.position - self._begin)
            raise StoreUnavailable(
                f"spool {self._folder}: {error.strerror}: make room on its disk, then resume"
            ) from error
        self.position += size
        return self.position

    def close(self) -> None:
        """Release the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _roll(self) -> None:
        self.close()
        self._begin = self.position
        path = self._folder / f"{self._begin:020d}.spool"
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreUnavailable(
                f"spool {self._folder}: {path.name} can't be made: {error.strerror}; check the folder, then resume"
            ) from error


def records(folder: Path, begin: int, end: int, payloads: bool = True) -> Iterator[Record]:
    """Yield the records between two positions; they were written whole. Without payloads only heads are read."""
    at = begin
    starts = segments(folder)
    while at < end:
        start, path = max((pair for pair in starts if pair[0] <= at), default=(-1, folder))
        if start < 0:
            raise StoreUnavailable(f"spool {folder}: nothing holds position {at}; were its files removed?")
        with path.open("rb") as file:
            file.seek(at - start)
            before = at
            while at < end and (head := file.read(_HEAD.size)):
                _, kind, length, _, sequence = _HEAD.unpack(head)
                payload = file.read(length) if payloads else (file.seek(length, os.SEEK_CUR) and b"") or b""
                at += _HEAD.size + length
                yield Record(Kind(kind), sequence, payload, at)
        if at == before:
            raise StoreUnavailable(f"spool {path}: it ends before position {end}; was it truncated?")


def forget(folder: Path, position: int) -> None:
    """Delete the segments that end at or before a position, but for the newest, which may be written to."""
    found = segments(folder)
    for (_, path), (following, _) in pairwise(found):
        if following <= position:
            path.unlink(missing_ok=True)


def make_durable(folder: Path, begin: int, end: int) -> None:
    """Bring what lies between two positions to the disk itself."""
    found = segments(folder)
    ends = [start for start, _ in found[1:]] + [end]
    for (start, path), stop in zip(found, ends):
        if start < end and stop > begin:
            sync(path)
    sync(folder)


def _repaired(folder: Path) -> int:
    """Cut off what was not written whole, and return the position behind the rest.

    What follows the first damaged record was never acknowledged: a segment is brought to the disk in order.
    """
    end, damaged = -1, False
    for start, path in segments(folder):
        if damaged or end not in (-1, start):
            path.unlink()
            damaged = True
            continue
        whole = _whole(path)
        damaged = whole < path.stat().st_size
        if damaged:
            os.truncate(path, whole)
        end = start + whole
    return max(end, 0)


def _sealed(payload: int, kind: int, sequence: int) -> int:
    """Return the checksum of a record: of its payload and of its head."""
    return (payload + kind + 3 * sequence + _MARK) % (1 << 64)


def _whole(path: Path) -> int:
    """Return how many bytes of a segment are whole records."""
    at = 0
    with path.open("rb") as file:
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            mark, kind, length, found, sequence = _HEAD.unpack(head)
            payload = file.read(length) if mark == _MARK else b""
            if mark != _MARK or len(payload) < length:
                break
            if _sealed(checksum([np.frombuffer(payload, np.uint64)]), kind, sequence) != found:
                break
            at += _HEAD.size + length
    return at


def _write_all(file: int, parts: list[bytes | memoryview]) -> None:
    while parts:
        written = os.writev(file, parts[:512])
        while parts and written >= len(parts[0]):
            written -= len(parts.pop(0))
        if written:
            parts[0] = memoryview(parts[0])[written:]
