"""The venue's time by our clock: what its messages show, so that a clock that is off shifts nothing."""

from __future__ import annotations

from typing import Final

SECOND: Final = 1_000_000_000  # ns
WINDOW_NS: Final = 60 * SECOND
_EARLIEST, _LATEST = -5 * SECOND, 60 * SECOND  # a message that is more off says nothing of the clock


class VenueClock:
    """Our time less the shortest delay that a message showed in the last one to two minutes.

    What is still on its way is then never much earlier than `at(now)`: by how much more it takes than the fastest.
    """

    def __init__(self) -> None:
        """Begin with no delay."""
        self._best: int | None = None  # of the window that runs
        self._before: int | None = None  # of the one before
        self._began = 0

    def saw(self, time: int, received: int) -> None:
        """Take the venue's time of a message and ours of its receipt (ns)."""
        delay = received - time
        if not _EARLIEST <= delay <= _LATEST:
            return
        if received - self._began >= WINDOW_NS:
            self._before, self._best, self._began = self._best, None, received
        self._best = delay if self._best is None else min(self._best, delay)

    def at(self, now: int) -> int:
        """Return the venue's time when it is `now` here (ns)."""
        known = [delay for delay in (self._best, self._before) if delay is not None]
        return now - min(known, default=0)
