"""Back-pressure of the reorder buffer: lanes that lead are held until those behind have caught up.

A consumer drains the partitions of a backlog one after the other; without this the buffer would take in all but the
last partition whole before it could release anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from features.ordering import ReorderBuffer
from ops.log import logger
from schema.ticks import Bool, count

_HOLD_AT: Final = 0.5  # of the buffer's capacity; a poll brings at most an eighth of it
_LET_GO_AT: Final = 0.25
_SAY_AFTER_S: Final = 30.0


class Pressure:
    """Says which lanes to read no further. What is released, and in which order, does not depend on it."""

    def __init__(self, buffer: ReorderBuffer, clock: Callable[[], float] = time.monotonic) -> None:
        """Watch a buffer; `clock` gives seconds and decides when a long hold is said in the log."""
        self._buffer, self._clock = buffer, clock
        self._held = np.zeros(len(buffer.newest), np.bool_)
        self._say_at = 0.0

    def held(self) -> Bool:
        """Return the mask of lanes to hold. Call it between two batches, on the flow's thread."""
        waiting, capacity = count(self._buffer.waiting), self._buffer.capacity
        if waiting <= capacity * _LET_GO_AT:
            if self._held.any():
                self._held, self._say_at = np.zeros_like(self._held), 0.0
            return self._held
        newest = self._buffer.newest
        ahead = newest > newest.min()
        self._held = ahead if waiting > capacity * _HOLD_AT else self._held & ahead
        if self._held.any():
            self._say(waiting)
        return self._held

    def _say(self, waiting: int) -> None:
        """Name the lane that the others wait for, when that takes long."""
        now, laggard = self._clock(), int(self._buffer.newest.argmin())
        if not self._say_at:
            self._say_at = now + _SAY_AFTER_S
        elif now >= self._say_at:
            self._say_at = now + _SAY_AFTER_S
            logger("order").warning(
                "lanes are held because another is behind; if nothing comes on it, find out why it sends no heartbeats",
                behind=laggard, newest_ns=int(self._buffer.newest[laggard]), held=int(self._held.sum()),
                ticks_waiting=waiting,
            )  # fmt: skip
