"""Order: put what passed the gate in event-time order, and pass the verdicts that need what came before."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import asdict, replace

import numpy as np

from dataflows.batch import Batch, DeadLetter
from dataflows.interfaces import Snapshot
from dataflows.stations.actions import actions_of
from dataflows.universe import Universe
from features import verdicts
from features.arrays import as_snapshot, from_snapshot, grown
from features.ordering import ReorderBuffer
from features.sessions import Sessions
from schema.events import Event, EventKind
from schema.reasons import Dead
from schema.ticks import QUOTE, Ticks, concat, count, take

_REASONS = {
    verdicts.OUTLIER: Dead.OUTLIER,
    verdicts.DUPLICATE: Dead.DUPLICATE,
    verdicts.OUTSIDE_SESSION: Dead.OUTSIDE_SESSION,
}


class Order:
    """Hold ticks back until their order is certain; refuse outliers, repeats and what no session holds."""

    name = "order"

    def __init__(
        self, universe: Universe, sessions: Sessions, n_lanes: int, bound_ns: int, capacity: int = 1_000_000,
        outlier_bound: float = 0.25, max_spread: float = 0.1,
    ) -> None:  # fmt: skip
        """Wait `bound_ns` for stragglers; `outlier_bound` is in log price, 0 for none."""
        self.universe = universe
        self.sessions = sessions
        self.buffer = ReorderBuffer(bound_ns, n_lanes, capacity)
        self.outlier_bound = outlier_bound
        self.max_spread = max_spread
        self.state = verdicts.init(0)
        self.waiting: list[Event] = []

    def step(self, batch: Batch) -> Batch:
        """Release what can no longer be overtaken; everything at the end of a finite input."""
        self._take_events(batch)
        arrived = self.buffer.push(batch.ticks)
        batch.late, batch.late_watermark = arrived.late, arrived.late_watermark
        ticks = arrived.released
        self._refuse(batch, arrived.repeated, Dead.DUPLICATE)
        if batch.last:
            ticks = concat([ticks, self.buffer.finish()])
        batch.watermark = self.buffer.watermark
        batch.events = self._events(batch)
        if len(self.universe.names) > len(self.state.level):
            self.state = grown(verdicts.init(len(self.universe.names)), self.state)
        batch.ticks = concat(list(self._judged_between(batch, ticks)))
        return batch

    def _judged_between(self, batch: Batch, ticks: Ticks) -> Iterator[Ticks]:
        """Yield the accepted ticks before, between and behind the batch's splits and dividends."""
        first = 0
        for action in actions_of(batch.events, self.universe):
            last = int(np.searchsorted(ticks.ts_event, action.time))
            yield self._judged(batch, take(ticks, slice(first, last)))
            ratio = action.ratio_at(float(self.state.level[action.symbol]))
            verdicts.rescale(self.state, action.symbol, ratio)
            first = last
        yield self._judged(batch, take(ticks, slice(first, None)) if first else ticks)

    def _judged(self, batch: Batch, ticks: Ticks) -> Ticks:
        verdict = np.empty(count(ticks), np.uint8)
        if not verdicts.judge(self.state, self.sessions, ticks, self.outlier_bound, self.max_spread, verdict):
            return ticks
        for code, reason in _REASONS.items():
            self._refuse(batch, take(ticks, verdict == code), reason)
        return take(ticks, verdict == verdicts.ACCEPT)

    def _refuse(self, batch: Batch, ticks: Ticks, reason: Dead) -> None:
        for k in range(count(ticks)):
            symbol = self.universe.names[ticks.symbol[k]] if ticks.symbol[k] >= 0 else ""
            batch.dead.append(
                DeadLetter(
                    int(ticks.ts_event[k]),
                    symbol,
                    reason,
                    _found(ticks, k),
                    self._expected(reason),
                    int(ticks.lane[k]),
                    int(ticks.offset[k]),
                    int(ticks.index[k]),
                )
            )

    def _expected(self, reason: Dead) -> str:
        return {
            Dead.OUTLIER: f"a price within {self.outlier_bound:g} in log price of the last, or {verdicts.CONFIRMATIONS}"
            " in a row that agree (order.outlier_bound)",
            Dead.DUPLICATE: "each source position and venue sequence once",
            Dead.OUTSIDE_SESSION: "a time inside a session of the calendar (bars.calendar)",
        }[reason]

    def _take_events(self, batch: Batch) -> None:
        """Let events wait for their time; one that comes too late for it takes effect at its lane's watermark.

        That is the watermark as the messages before it in the lane left it, whatever the batches: what was released
        before the event depends on the log alone.
        """
        for event in batch.arrivals.events if batch.arrivals is not None else ():
            before = (batch.ticks.lane == event.lane) & (batch.ticks.offset < event.offset)
            newest = int(batch.ticks.ts_event[before].max(initial=self.buffer.newest[event.lane]))
            effective = max(event.ts_event, newest - self.buffer.bound_ns)
            bisect.insort(self.waiting, replace(event, ts_event=effective), key=_place)

    def _events(self, batch: Batch) -> list[Event]:
        """Release events as the watermark passes them, in order of their effective time."""
        ready = bisect.bisect_left(self.waiting, (batch.watermark, -1, -1), key=_place)
        if batch.last:
            ready = len(self.waiting)
        released, self.waiting = self.waiting[:ready], self.waiting[ready:]
        return released

    def snapshot(self) -> Snapshot:
        """Return the buffer, the watermarks and the verdicts' memory."""
        return {
            "buffer": self.buffer.snapshot(),
            "state": as_snapshot(self.state),
            "events": [asdict(event) for event in self.waiting],
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Continue from a snapshot with the same lanes."""
        self.buffer.restore(snapshot["buffer"])
        self.state = from_snapshot(self.state, snapshot["state"], "order.state")
        self.waiting = [Event(**{**event, "kind": EventKind(event["kind"])}) for event in snapshot["events"]]


def _place(event: Event) -> tuple[int, int, int]:
    return event.ts_event, event.lane, event.offset


def _found(ticks: Ticks, k: int) -> str:
    if ticks.kind[k] == QUOTE:
        return f"quote {ticks.bid[k]:g} x {ticks.bid_size[k]:g} / {ticks.ask[k]:g} x {ticks.ask_size[k]:g}"
    return f"trade {ticks.price[k]:g} x {ticks.size[k]:g}"
