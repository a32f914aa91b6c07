"""Which bars lost messages: of each series the first that closes after a gap of its feed began, up to the gap's end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from dataflows.interfaces import Snapshot
from dataflows.universe import Universe
from schema.bars import BarFlag, Bars
from schema.events import Event, EventKind

ALL: Final = ""  # the symbol of a gap in everything


class GapMarks:
    """Mark bars with `BarFlag.GAP`.

    A gap reaches from its event's time to `details["end"]` (ns UTC; without one it is a moment). It concerns the
    series that had a bar when it came: one that begins later lost nothing. Events and bars are met in order of time,
    so what is marked does not depend on the batches. Gaps are rare: plain Python.
    """

    def __init__(self, universe: Universe, n_timeframes: int) -> None:
        """Start before the first bar."""
        self.universe, self.n_timeframes = universe, n_timeframes
        self._had_bars = np.zeros(0, np.bool_)  # (series,)
        self._waiting: dict[int, int] = {}  # series that a gap concerns -> its end, ns

    def mark(self, bars: Bars, events: Sequence[Event]) -> None:
        """Mark the batch's bars in place, by the batch's events in order of time."""
        gaps = [event for event in events if event.kind is EventKind.GAP]
        series = bars.symbol * self.n_timeframes + bars.timeframe
        self._grow(len(self.universe) * self.n_timeframes)
        first = 0
        for gap in gaps:
            last = int(np.searchsorted(bars.time, gap.ts_event, side="right"))
            self._mark(bars, series, first, last)
            for number in self._concerned(gap):
                self._waiting[number] = max(self._waiting.get(number, 0), _end(gap))
            first = max(first, last)
        self._mark(bars, series, first, len(series))

    def _mark(self, bars: Bars, series: np.ndarray, first: int, last: int) -> None:
        if self._waiting:
            for row in range(first, last):
                end = self._waiting.get(int(series[row]))
                if end is not None:
                    bars.flags[row] |= BarFlag.GAP
                    if bars.time[row] > end:
                        del self._waiting[int(series[row])]
        self._had_bars[series[first:last]] = True

    def _concerned(self, gap: Event) -> list[int]:
        had = np.flatnonzero(self._had_bars)
        if gap.symbol != ALL:
            had = had[had // self.n_timeframes == self.universe.series(gap.symbol, gap.ts_event)]
        return [int(number) for number in had]

    def _grow(self, n_series: int) -> None:
        if n_series > len(self._had_bars):
            self._had_bars = np.concatenate((self._had_bars, np.zeros(n_series - len(self._had_bars), np.bool_)))

    def snapshot(self) -> Snapshot:
        """Return the series that had bars, and those that wait for bars to mark, with the ends of their gaps."""
        waiting = sorted(self._waiting)
        return {"had_bars": self._had_bars, "waiting": waiting, "until": [self._waiting[number] for number in waiting]}

    def restore(self, snapshot: Snapshot) -> None:
        """Continue there."""
        waiting = [int(number) for number in snapshot["waiting"]]
        self._had_bars = np.array(snapshot["had_bars"], np.bool_)
        self._waiting = dict(zip(waiting, map(int, snapshot.get("until", [0] * len(waiting)))))


def _end(gap: Event) -> int:
    """Return the gap's end in ns UTC; 0 where the message names none that can be read."""
    end = gap.details.get("end")
    return end if isinstance(end, int) else 0
