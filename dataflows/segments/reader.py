"""Read a lane of a segment log while it is written. Nothing here waits."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Final

from dataflows.segments.errors import DamagedLog, LogUnavailable, RecordsRemoved
from dataflows.segments.frames import (
    FRAME_BYTES,
    HEADER,
    MAGIC,
    MESSAGE,
    Frame,
    length_at,
    parse,
    segment_name,
    segments_of,
)
from dataflows.sources.errors import OtherLog

CHUNK_BYTES: Final = 1 << 20
_SETTLED_NS: Final = 1_000_000_000  # a folder that changed just now may change again under the same time


class LaneReader:
    """Frames of one lane in order, from the oldest there is."""

    def __init__(self, folder: Path) -> None:
        """Open the oldest segment. Raises LogUnavailable where there is none yet."""
        self.folder = folder
        self._file = -1
        self._last = (0, 0)  # begin and CRC of the last frame taken
        self._changed, self._firsts = 0, list[int]()  # when the folder changed last, and its segments then
        found = segments_of(folder)
        if not found:
            raise LogUnavailable(f"segment log {folder}: nothing was written there yet; start undertone ingest")
        self._open(found[0][0])

    @property
    def next_offset(self) -> int:
        """The offset of the next frame."""
        return self._next

    def read(self, most_bytes: int = CHUNK_BYTES) -> list[Frame]:
        """Return the messages that were written since, about `most_bytes` of them at once; none if there are none.

        Raises DamagedLog where a record is broken that is not the last, RecordsRemoved where retention was faster.
        """
        while True:
            frames, _ = self._parsed(most_bytes)
            if not frames:
                following = self._following()
                if following is None:
                    return []
                frames, whole = self._parsed(most_bytes)  # the writer may have gone on before it began the next one
                if not frames:
                    self._step(following, whole)
                    continue
            if messages := [frame for frame in frames if frame.kind == MESSAGE]:
                return messages

    def _following(self) -> int | None:
        """Return the first offset of the next segment there is, None if this is the newest."""
        changed = os.stat(self.folder).st_mtime_ns
        if changed != self._changed or time.time_ns() - changed < _SETTLED_NS:
            self._changed = changed
            self._firsts = [first for first, _ in segments_of(self.folder)]
        return next((first for first in self._firsts if first > self._first), None)

    def _step(self, following: int, whole: bool) -> None:
        """Go on to the next segment, or say what lies between."""
        if following == self._next:
            self._open(following)
            return
        lost = f"records {self._next} to {following - 1}"
        if self._path.exists():
            raise DamagedLog(
                f"segment {self._path}: {lost} can't be read{'' if whole else f', from byte {self._at} on'}, yet "
                "another segment follows; restore the file"
            )
        raise RecordsRemoved(
            f"segment log {self.folder}: {lost} were removed by retention before they were read; raise ingest.keep_mb "
            "or ingest.keep_hours"
        )

    def place(self) -> dict[str, Any]:
        """Return where the next read begins, and what tells this log from another."""
        return {
            "log": self._id.hex(), "segment": self._first, "at": self._at, "next": self._next,
            "last_at": self._last[0], "last_crc": self._last[1],
        }  # fmt: skip

    def seek(self, place: dict[str, Any]) -> None:
        """Continue at a place. Raises RecordsRemoved where it is gone, OtherLog where other records are there."""
        first, at, next_ = int(place["segment"]), int(place["at"]), int(place["next"])
        found = segments_of(self.folder)
        if first not in [start for start, _ in found]:
            raise RecordsRemoved(
                f"segment log {self.folder}: the position is record {next_}, the log begins with record {found[0][0]}: "
                f"retention (ingest.keep_mb, ingest.keep_hours) removed segment {segment_name(first)}; start without "
                "the checkpoint to go on from what is left"
            )
        self._open(first)
        last_at, crc = int(place["last_at"]), int(place["last_crc"])
        known = not last_at or self._is_last(last_at, next_ - 1, crc)
        if self._id.hex() != place["log"] or not known:
            raise OtherLog(
                f"segment log {self.folder}: the position is record {next_} of another log, or records before it were "
                "lost with the machine's power (ingest.sync_ms); start without the checkpoint"
            )
        self._at, self._next, self._last = at, next_, (last_at, crc)

    def close(self) -> None:
        """Release the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _is_last(self, at: int, offset: int, crc: int) -> bool:
        head = os.pread(self._file, HEADER.size, at)
        frame = parse(os.pread(self._file, length_at(head, 0), at), 0, offset)
        return frame is not None and frame.crc == crc

    def _parsed(self, most_bytes: int) -> tuple[list[Frame], bool]:
        """Return the next whole frames of the open segment, and whether nothing is left behind them."""
        data = os.pread(self._file, max(most_bytes, FRAME_BYTES), self._at)
        if data and (needed := length_at(data, 0)) > len(data):
            data = os.pread(self._file, needed, self._at)
        frames: list[Frame] = []
        at = 0
        while (frame := parse(data, at, self._next)) is not None:
            frames.append(frame)
            self._last, at, self._next = (self._at + at, frame.crc), frame.end, self._next + 1
        whole = at == len(data)
        self._at += at
        return frames, whole

    def _open(self, first: int) -> None:
        self._path = self.folder / segment_name(first)
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise RecordsRemoved(
                f"segment log {self.folder}: {self._path.name} was removed by retention before it was read; raise "
                "ingest.keep_mb or ingest.keep_hours"
            ) from None
        self.close()
        self._file = file
        header = os.pread(file, HEADER.size, 0)
        magic, self._id, begin = HEADER.unpack(header.ljust(HEADER.size, b"\0"))
        if magic != MAGIC or begin != first:
            raise DamagedLog(f"segment {self._path}: it begins with {header[:20]!r}, expected {MAGIC!r}")
        self._first, self._at, self._next, self._last = first, HEADER.size, first, (0, 0)
