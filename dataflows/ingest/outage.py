"""The time without a feed: from what was received last to what comes next, marked in pieces while it lasts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Outage:
    """An outage that runs. Times are the venue's, in ns UTC."""

    begin: int  # of the piece that isn't marked yet
    reason: str  # start, closed, stall, …
    marked_at: int  # by our clock: when it began or a piece of it was marked

    def piece(self, time: int, now: int) -> tuple[int, int]:
        """Return begin and end of the piece up to `time`; the next one begins there."""
        begin, end = self.begin, max(self.begin, time)
        self.begin, self.marked_at = end, now
        return begin, end
