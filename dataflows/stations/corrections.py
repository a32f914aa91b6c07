"""Corrections and cancels of trades: which open bars they touch.

What a trade did is done: neither bars nor features are computed anew, and a bar that has closed stays as it is. One
that is still open when the message takes effect is marked when it closes; which had closed the stored event says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dataflows.interfaces import Snapshot
from dataflows.stations.actions import ignored, nothing_shown, told
from dataflows.universe import Universe
from features.bar_state import Records
from schema.bars import BarFlag, Bars
from schema.events import Event
from schema.ticks import NO_SYMBOL


class CorrectionMarks:
    """Mark bars with `BarFlag.CORRECTED`. Corrections are rare: plain Python."""

    def __init__(self, universe: Universe, timeframes: Sequence[str]) -> None:
        """Begin with nothing corrected."""
        self.universe, self.timeframes = universe, tuple(timeframes)
        self._open: set[int] = set()  # series whose open bar is to be marked

    def take(self, event: Event, series: Records) -> Event:
        """Note which open bars (S, timeframes) the event touches; return it as it is stored.

        Its `details["time"]` says when the trade was (ns UTC). Called when all bars before the event have closed.
        """
        symbol = self.universe.series(event.symbol, event.ts_event)
        if symbol == NO_SYMBOL:
            return ignored(event, nothing_shown(event))
        time = event.details.get("time")
        if isinstance(time, bool) or not isinstance(time, int):
            return ignored(event, f"details.time is {time!r}, expected ns UTC of the trade")
        closed = []
        for j, timeframe in enumerate(self.timeframes):
            if 0 < series["open_since"][symbol, j] <= time:
                self._open.add(symbol * len(self.timeframes) + j)
            else:
                closed.append(timeframe)
        return told(event, closed=closed)

    def mark(self, bars: Bars) -> None:
        """Mark bars that closed since, in place; of each series the first."""
        if not self._open:
            return
        for row, number in enumerate((bars.symbol * len(self.timeframes) + bars.timeframe).tolist()):
            if number in self._open:
                bars.flags[row] |= np.uint16(BarFlag.CORRECTED)
                self._open.discard(number)

    def snapshot(self) -> Snapshot:
        """Return the series whose open bar is to be marked."""
        return {"series": sorted(self._open)}

    def restore(self, snapshot: Snapshot) -> None:
        """Continue there."""
        self._open = {int(number) for number in snapshot["series"]}
