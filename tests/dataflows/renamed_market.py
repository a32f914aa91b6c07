"""A market whose symbols are renamed, beside the same one without: what it is called is said in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dataflows.batch import Arrivals
from dataflows.interfaces import EndOfInput
from dataflows.sources.synthetic import SyntheticMarket
from schema.events import Event, EventKind
from schema.ticks import Ticks, concat, take

Schedule = list[tuple[int, dict[str, str]]]  # at a time (ns UTC), by old name: new name; in order of time


def market(lanes: int = 1, faults: float = 0.01, seconds: int = 40, symbols: int = 4) -> tuple[Ticks, tuple[str, ...]]:
    """Ticks in order of arrival, late and broken ones among them, and the symbols' names."""
    source, parts = SyntheticMarket(symbols, rate=5.0, duration_s=seconds, faults=faults, lanes=lanes), []
    try:
        while True:
            arrivals = source.next_batch()
            assert arrivals is not None
            parts.append(arrivals.ticks)
    except EndOfInput:
        return concat(parts), source.names


def called(name: str, time: int, schedule: Schedule) -> str:
    """What the symbol that began as `name` is called at a time."""
    for since, moves in schedule:
        if since <= time:
            name = moves.get(name, name)
    return name


def under_new_names(ticks: Ticks, names: tuple[str, ...], schedule: Schedule) -> tuple[Ticks, tuple[str, ...]]:
    """The ticks under the names of their times."""
    every = list(dict.fromkeys([*names, *(new for _, moves in schedule for new in moves.values())]))
    now = [
        every.index(called(names[k], time, schedule)) if k >= 0 else k
        for k, time in zip(ticks.symbol.tolist(), ticks.ts_event.tolist())
    ]
    return ticks._replace(symbol=np.array(now, np.int32)), tuple(every)


def events_of(schedule: Schedule, ticks: Ticks, ahead: Sequence[int], lanes: Sequence[int] = (0,)) -> list[Event]:
    """The messages of a schedule, each standing so many rows ahead of the first tick that it concerns."""
    found = []
    for since, moves in schedule:
        first = int(np.argmax(ticks.ts_event >= since))
        for old, new in moves.items():
            k = len(found)
            row, lane = max(first - ahead[k % len(ahead)], 0), lanes[k % len(lanes)]
            found.append(Event(since, EventKind.RENAMED, old, lane, int(ticks.offset[row]), {"to": new}))
    return found


class Log:
    """Ticks and events in memory, handed out in batches that end at the given rows."""

    def __init__(
        self, ticks: Ticks, names: tuple[str, ...], events: Sequence[Event] = (), ends: Sequence[int] = (),
        lanes: int = 1,
    ) -> None:  # fmt: skip
        self.ticks, self.names, self.events = ticks, names, events
        self.lanes = tuple(str(lane) for lane in range(lanes))
        self.ends, self.row = sorted({*(end for end in ends if end < len(ticks.offset)), len(ticks.offset)}), 0

    def next_batch(self) -> Arrivals:
        if self.row == len(self.ticks.offset):
            raise EndOfInput
        end = next(end for end in self.ends if end > self.row)
        rows, offsets = slice(self.row, end), self.ticks.offset
        low, high = int(offsets[self.row]), int(offsets[end]) if end < len(offsets) else 1 << 62
        self.row = end
        events = tuple(event for event in self.events if low <= event.offset < high)
        return Arrivals(take(self.ticks, rows), self.names, events=events)

    def position(self) -> dict[str, Any]:
        return {"row": self.row}

    def seek(self, position: dict[str, Any]) -> None:
        self.row = int(position["row"])

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        return ["memory"] * len(lane), lane, offset

    def close(self) -> None:
        pass
