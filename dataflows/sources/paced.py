"""A recorded log at a multiple of its own pace."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from dataflows.batch import Arrivals
from dataflows.interfaces import Snapshot, Source
from schema.ticks import count


class Paced:
    """Hand batches of another source out when their time has come; which ticks are in a batch doesn't change.

    The first event time is now; `pace` 50 plays fifty recorded seconds in one.
    """

    def __init__(self, source: Source, pace: float, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """Pace `source`; `clock` gives ns."""
        self.source = source
        self.pace = pace
        self.clock = clock
        self.lanes = source.lanes
        self._held: Arrivals | None = None
        self._began: tuple[int, int] | None = None  # clock and event time of the first tick
        self._position = source.position()

    def next_batch(self) -> Arrivals | None:
        """Return the next batch once its last tick is due, None before. Never blocks."""
        if self._held is None:
            self._position = self.source.position()
            self._held = self.source.next_batch()
        if self._held is None or not self._due(self._held):
            return None
        held, self._held = self._held, None
        self._position = self.source.position()
        return held

    def _due(self, arrivals: Arrivals) -> bool:
        if not count(arrivals.ticks):
            return True
        time_ = arrivals.ticks.ts_event
        if self._began is None:
            self._began = self.clock(), int(time_[0])
        clock, event = self._began
        return (int(time_.max()) - event) <= (self.clock() - clock) * self.pace

    def position(self) -> Snapshot:
        """Return where the next read begins: before a batch that is held back."""
        return self._position

    def seek(self, position: Snapshot) -> None:
        """Continue from a position; the pace starts anew there."""
        self.source.seek(position)
        self._held, self._began, self._position = None, None, position

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Resolve as the source does."""
        return self.source.origin(lane, offset)

    def close(self) -> None:
        """Release the source."""
        self.source.close()
