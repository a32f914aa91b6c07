"""Which bars a halt of trading touches: all that overlap the time from a HALT event to the RESUME behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from dataflows.interfaces import Snapshot
from dataflows.universe import Universe
from schema.bars import BarFlag, Bars
from schema.events import Event, EventKind
from schema.ticks import NO_SYMBOL

ALL: Final = ""  # the symbol of a halt of everything
_OPEN: Final = (1 << 63) - 1  # the end of a halt that goes on


class HaltMarks:
    """Mark bars with `BarFlag.HALTED`; labels don't span them.

    A halt concerns every series of its symbol, one of everything the symbols known when it came. Events and bars are
    met in order of time, so what is marked does not depend on the batches. Halts are rare: plain Python.
    """

    def __init__(self, universe: Universe, n_timeframes: int) -> None:
        """Begin with everything trading."""
        self.universe, self.n_timeframes = universe, n_timeframes
        self._ends: dict[int, int] = {}  # series with bars to mark -> the end of its halt, ns

    def mark(self, bars: Bars, events: Sequence[Event]) -> None:
        """Mark the batch's bars in place, by the batch's events in order of time."""
        first = 0
        for event in events:
            if event.kind not in (EventKind.HALT, EventKind.RESUME):
                continue
            last = int(np.searchsorted(bars.time, event.ts_event, side="right"))
            self._mark(bars, first, last)
            first = max(first, last)
            self._halt(event) if event.kind is EventKind.HALT else self._resume(event)
        self._mark(bars, first, len(bars.time))

    def _mark(self, bars: Bars, first: int, last: int) -> None:
        if not self._ends:
            return
        for row in range(first, last):
            series = int(bars.symbol[row]) * self.n_timeframes + int(bars.timeframe[row])
            end = self._ends.get(series)
            if end is not None and bars.start[row] < end:
                bars.flags[row] |= BarFlag.HALTED
            elif end is not None:
                del self._ends[series]

    def _halt(self, event: Event) -> None:
        self._ends.update(dict.fromkeys(self._concerned(event), _OPEN))

    def _resume(self, event: Event) -> None:
        for series in self._concerned(event):
            if self._ends.get(series) == _OPEN:
                self._ends[series] = event.ts_event

    def _concerned(self, event: Event) -> range:
        if event.symbol == ALL:
            return range(len(self.universe) * self.n_timeframes)
        symbol = self.universe.series(event.symbol, event.ts_event)
        first = symbol * self.n_timeframes
        return range(0) if symbol == NO_SYMBOL else range(first, first + self.n_timeframes)

    def snapshot(self) -> Snapshot:
        """Return the series with bars to mark, and the ends of their halts."""
        series = sorted(self._ends)
        return {"series": series, "ends": [self._ends[number] for number in series]}

    def restore(self, snapshot: Snapshot) -> None:
        """Continue there."""
        self._ends = dict(zip(map(int, snapshot["series"]), map(int, snapshot["ends"])))
