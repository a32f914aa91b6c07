"""A part of a log by event time: what a replay from one time to another reads of a topic."""

from __future__ import annotations

from typing import Final

import numpy as np

from dataflows.batch import Arrivals
from dataflows.interfaces import EndOfInput, LiveSource, Snapshot
from dataflows.sources.heartbeat import LAST_TIME
from schema.ticks import Bool, take

_NO_EARLIER, _NO_LATER = -(1 << 63), (1 << 63) - 1
_UNREADABLE: Final = 0  # such a time stays, to be refused


class Between:
    """The ticks, heartbeats and events of start <= ts_event < end.

    It ends where the log does, or once every lane has shown `margin_ns` more than `end`: what still comes behind that
    would be late. Nothing is said to the log's owner: a replay commits no offsets.
    """

    def __init__(self, source: LiveSource, start_ns: int | None, end_ns: int | None, margin_ns: int) -> None:
        """Read a finite source."""
        self.source, self.lanes = source, source.lanes
        self._start = _NO_EARLIER if start_ns is None else start_ns
        self._end = _NO_LATER if end_ns is None else end_ns
        self._enough = _NO_LATER if end_ns is None else end_ns + margin_ns
        self._newest = np.full(len(self.lanes), _NO_EARLIER, np.int64)

    def next_batch(self) -> Arrivals | None:
        """Return what arrived of the part, None if nothing did. Raises EndOfInput behind it."""
        if (self._newest >= self._enough).all():
            raise EndOfInput
        arrivals = self.source.next_batch()
        return None if arrivals is None else self._part(arrivals)

    def _part(self, arrivals: Arrivals) -> Arrivals | None:
        ticks = arrivals.ticks
        time = ticks.ts_event
        sane = time < LAST_TIME
        np.maximum.at(self._newest, ticks.lane[sane], time[sane])
        inside = ((time >= self._start) & (time < self._end)) | (time == _UNREADABLE)
        if inside.all():
            return arrivals
        events = tuple(event for event in arrivals.events if self._start <= event.ts_event < self._end)
        if not inside.any() and not events:
            return None
        rows = np.flatnonzero(inside).tolist()
        return Arrivals(
            take(ticks, inside), arrivals.names, _kept(arrivals.malformed, rows), events,
            _kept(arrivals.unknown_kinds, rows),
        )  # fmt: skip

    def position(self) -> Snapshot:
        """Return the log's position, and how far each lane has come in event time."""
        return {"log": self.source.position(), "newest": self._newest.tolist()}

    def seek(self, position: Snapshot) -> None:
        """Continue there. Raises what the log raises."""
        self.source.seek(position["log"])
        self._newest = np.array(position["newest"], np.int64)

    def hold(self, lanes: Bool) -> None:
        """Hold lanes of the log."""
        self.source.hold(lanes)

    def acknowledged(self, position: Snapshot) -> None:
        """Tell nobody."""

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Resolve as the log does."""
        return self.source.origin(lane, offset)

    def close(self) -> None:
        """Release the log."""
        self.source.close()


def _kept(texts: dict[int, str], rows: list[int]) -> dict[int, str]:
    return {k: texts[row] for k, row in enumerate(rows) if row in texts} if texts else {}
