"""Append to a lane of a segment log: one writer, whole frames, fsynced by policy, old segments removed."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from dataflows.segments.errors import DamagedLog, LogUnavailable, cannot_write
from dataflows.segments.frames import (
    HEADER,
    MAGIC,
    MESSAGE,
    STATE,
    Frame,
    later_frame,
    pack,
    parse,
    segment_name,
    segments_of,
)
from ops.durable import put_in_place

MILLISECOND: Final = 1_000_000  # ns
_PART: Final = ".part"  # of a segment that is being made


class Policy(NamedTuple):
    """When a log is synced, rolled and shortened."""

    sync_ms: int = 1000  # longest time until what was written is durable; 0: at once, -1: left to the system
    segment_bytes: int = 64 << 20
    keep_bytes: int = 0  # 0: no bound
    keep_s: float = 0.0  # since its last write; 0: for ever


DEFAULT: Final = Policy()


class SegmentWriter:
    """The one writer of a lane. What `append` returned from is readable; durable by the policy."""

    def __init__(self, folder: Path, policy: Policy = DEFAULT, clock: Callable[[], int] = time.time_ns) -> None:
        """Open the lane's newest segment and cut what a crash left torn at its end (`cut_bytes` says how much).

        Raises LogUnavailable where another process writes it or the disk refuses, DamagedLog where more than the end
        is broken.
        """
        self.folder, self.policy, self.clock = folder, policy, clock
        self.cut_bytes = 0
        self.state: Callable[[], bytes] | None = None  # asked when a segment begins
        self._lock = _locked(folder)
        self._file, self._size, self._next = -1, 0, 0
        self._synced_at, self._dirty = clock(), False
        try:
            self._open()
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def next_offset(self) -> int:
        """The offset of the next frame."""
        return self._next

    def append(self, bodies: Sequence[bytes]) -> None:
        """Write messages, one frame each, in one go. Raises LogUnavailable, with nothing half written."""
        if self._size >= self.policy.segment_bytes:
            self._roll()
        self._write([(MESSAGE, body) for body in bodies])
        if self.policy.sync_ms == 0:
            self.sync()

    def sync_if_due(self) -> None:
        """Make durable what has waited long enough."""
        due = self.policy.sync_ms >= 0 and self.clock() - self._synced_at >= self.policy.sync_ms * MILLISECOND
        if self._dirty and due:
            self.sync()

    def sync(self) -> None:
        """Make everything durable."""
        try:
            os.fdatasync(self._file)
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        self._dirty, self._synced_at = False, self.clock()

    def close(self) -> None:
        """Make everything durable and let another write."""
        if self._file >= 0:
            self.sync()
            os.close(self._file)
            os.close(self._lock)
            self._file = -1

    def tail(self) -> list[Frame]:
        """Return the frames of the newest segment: its state first, then what was written since."""
        data, at, offset, frames = self._read(), HEADER.size, segments_of(self.folder)[-1][0], []
        while (frame := parse(data, at, offset)) is not None:
            frames.append(frame)
            at, offset = frame.end, offset + 1
        return frames

    def _write(self, frames: Sequence[tuple[int, bytes]]) -> None:
        data = b"".join(pack(self._next + k, kind, body) for k, (kind, body) in enumerate(frames))
        try:
            done = 0
            while done < len(data):
                done += os.write(self._file, data[done:])
        except OSError as error:
            os.ftruncate(self._file, self._size)
            raise cannot_write(self.folder, error) from error
        self._size, self._next, self._dirty = self._size + len(data), self._next + len(frames), True

    def _open(self) -> None:
        for unfinished in self.folder.glob(f"*{_PART}"):
            unfinished.unlink()
        found = segments_of(self.folder)
        if not found:
            self._begin(secrets.token_bytes(16))
            return
        first, path = found[-1]
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        data = self._read()
        magic, self._id, begin = HEADER.unpack(data[: HEADER.size].ljust(HEADER.size, b"\0"))
        if magic != MAGIC or begin != first:
            raise DamagedLog(
                f"segment {path}: it begins with {data[:20]!r} and offset {begin}, expected {MAGIC!r} and {first}; "
                "move it away or name another folder (ingest.target)"
            )
        self._cut(path, data, first)
        self._expire()

    def _cut(self, path: Path, data: bytes, first: int) -> None:
        """Find the end of what is whole; cut what a crash left behind it."""
        at, offset = HEADER.size, first
        while (frame := parse(data, at, offset)) is not None:
            at, offset = frame.end, offset + 1
        if (beyond := later_frame(data, at, offset)) is not None:
            raise DamagedLog(
                f"segment {path}: record {offset} at byte {at} is damaged, yet whole records follow at byte {beyond}; "
                f"this is no torn end. Restore the file, or cut it at byte {at} to lose what follows"
            )
        if at < len(data):
            os.ftruncate(self._file, at)
            os.fsync(self._file)
            self.cut_bytes += len(data) - at
        self._size, self._next = at, offset

    def _roll(self) -> None:
        self.sync()
        os.close(self._file)
        self._begin(self._id)
        self._expire()

    def _begin(self, log_id: bytes) -> None:
        """Make a new segment: it gets its name once header and state are in it and durable."""
        self._id = log_id
        path = self.folder / segment_name(self._next)
        part = path.with_suffix(_PART)
        data = HEADER.pack(MAGIC, log_id, self._next)
        if self.state is not None:
            data += pack(self._next, STATE, self.state())
        try:
            self._file = os.open(part, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            os.write(self._file, data)
            put_in_place(part, path)
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        self._size, self._next = len(data), self._next + (self.state is not None)

    def _expire(self) -> None:
        """Remove the oldest segments beyond the bounds, never the one that is written."""
        old = [(path, path.stat()) for _, path in segments_of(self.folder)[:-1]]
        total = sum(stat.st_size for _, stat in old) + self._size
        for path, stat in old:
            age = self.clock() - stat.st_mtime_ns
            too_old = self.policy.keep_s > 0 and age > self.policy.keep_s * 1e9
            too_large = 0 < self.policy.keep_bytes < total
            if not (too_old or too_large):
                return
            path.unlink()
            total -= stat.st_size

    def _read(self) -> bytes:
        size, parts = os.fstat(self._file).st_size, []
        at = 0
        while at < size and (part := os.pread(self._file, size - at, at)):
            parts.append(part)
            at += len(part)
        return b"".join(parts)


def _locked(folder: Path) -> int:
    """Take the lane's lock; the operating system gives it back when the process ends, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise LogUnavailable(
            f"segment log {folder}: process {holder} writes it; stop that one, or choose another folder (ingest.target)"
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock
