"""The segment log as a source: ticks, heartbeats, events and what was unreadable, as the ingesters wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import numpy as np

from dataflows.batch import Arrivals
from dataflows.interfaces import EndOfInput, Snapshot
from dataflows.messages.decode import Decoder
from dataflows.segments.errors import LogUnavailable
from dataflows.segments.frames import Frame, segments_of
from dataflows.segments.reader import CHUNK_BYTES, LaneReader
from dataflows.sources.errors import OtherLog
from schema.ticks import count

SECOND_NS: Final = 1_000_000_000
LEAD_NS: Final = 60 * SECOND_NS  # how far a lane is read ahead of the slowest: it could release nothing anyway
SCHEME: Final = "segments:"


class SegmentSource:
    """A folder with one folder a lane, read while it is written.

    A tick's offset is its record in the lane, its index the place in that record; a position is exact to the record.
    Of several lanes the one furthest behind is read first.
    """

    def __init__(
        self, root: Path, lanes: Sequence[str] | None = None, *, follow: bool = True, chunk_bytes: int = CHUNK_BYTES
    ) -> None:
        """Open the log; all lanes that are in it, or the given ones. `follow` waits at the end for more.

        Raises LogUnavailable where nothing was written yet.
        """
        names = lanes_in(root) if lanes is None else tuple(lanes)
        if not names:
            raise LogUnavailable(f"segment log {root}: nothing was written there yet; start undertone ingest")
        self.root, self.lanes, self.follow, self.chunk_bytes = root, names, follow, chunk_bytes
        self._readers = [LaneReader(root / name) for name in names]
        self._reached = [0] * len(names)  # newest time of receipt of each lane, ns
        self._decoder = Decoder()

    @classmethod
    def parse(cls, url: str, *, follow: bool = True) -> SegmentSource:
        """Open `segments:///relative/path` or `segments:////absolute/path`, of it the lanes of `?lanes=a,b` or all.

        Raises ValueError where it names no folder.
        """
        path, lanes = segments_path(url)
        return cls(path, lanes, follow=follow)

    def next_batch(self) -> Arrivals | None:
        """Return what was written since, of one lane; None if nothing was. Raises EndOfInput where it doesn't follow.

        Raises DamagedLog and RecordsRemoved as the reader does.
        """
        order = sorted(range(len(self.lanes)), key=lambda lane: (self._reached[lane], lane))
        for lane in order:
            if self.follow and self._reached[lane] - self._reached[order[0]] > LEAD_NS:
                break
            if frames := self._readers[lane].read(self.chunk_bytes):
                return self._decoded(lane, frames)
        if self.follow:
            return None
        raise EndOfInput

    def _decoded(self, lane: int, frames: list[Frame]) -> Arrivals:
        n = len(frames)
        arrivals = self._decoder.decode(
            [frame.body for frame in frames], [None] * n, [lane] * n, [frame.offset for frame in frames]
        )
        if count(arrivals.ticks):
            self._reached[lane] = max(self._reached[lane], int(arrivals.ticks.ts_recv.max()))
        return arrivals

    def position(self) -> Snapshot:
        """Return the place of each lane."""
        return {
            "lanes": {name: reader.place() for name, reader in zip(self.lanes, self._readers)},
            "reached": list(self._reached),
        }

    def seek(self, position: Snapshot) -> None:
        """Continue from a position. Raises OtherLog for another log, RecordsRemoved where retention was faster."""
        theirs = tuple(position["lanes"])
        if theirs != self.lanes:
            raise OtherLog(
                f"segment log {self.root}: the position is of the lanes {theirs}, these are {self.lanes}; name them in "
                "source.url (segments:///path?lanes=a,b), or start without the checkpoint"
            )
        for name, reader in zip(self.lanes, self._readers):
            reader.seek(position["lanes"][name])
        self._reached = [int(time) for time in position["reached"]]

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Name the lane as the source; the offset is the record in it."""
        lane, offset = np.asarray(lane), np.asarray(offset)
        return [f"segments:{self.lanes[k]}" for k in lane.tolist()], np.zeros(len(lane), np.int64), offset

    def close(self) -> None:
        """Release the files."""
        for reader in self._readers:
            reader.close()


def lanes_in(root: Path) -> tuple[str, ...]:
    """Return the lanes that hold records, by name; none where it is no segment log."""
    return tuple(sorted(path.name for path in root.glob("*") if path.is_dir() and segments_of(path)))


def segments_path(url: str) -> tuple[Path, tuple[str, ...] | None]:
    """Read the URL of a segment log: its folder, and its lanes where it names some.

    Raises ValueError where it names no folder.
    """
    parts = urlsplit(url)
    path = parts.path.removeprefix("/")
    if parts.scheme != "segments" or parts.netloc or not path.strip("/"):
        raise ValueError(
            f"segment log {url!r} names no folder; expected segments:///relative/path or segments:////absolute/path"
        )
    lanes = parse_qs(parts.query).get("lanes")
    return Path(path), tuple(lanes[0].split(",")) if lanes else None
