"""Order: put what passed the gate in event-time order, and pass the verdicts that need what came before.

Names become series here, since only in order of event time is it certain whose name one is (`dataflows.renames`).
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import groupby

import numpy as np

from dataflows.batch import Batch, DeadLetter
from dataflows.interfaces import Snapshot
from dataflows.stations.actions import TIMED, actions_of
from dataflows.stations.names import series_of_ticks, ticks_named
from dataflows.stations.renaming import renamed
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
        self.shown = np.zeros(0, np.bool_)  # (S,) whether a series has had a tick
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
            self.shown = np.concatenate((self.shown, np.zeros(len(self.state.level) - len(self.shown), np.bool_)))
        batch.ticks = concat(list(self._judged_between(batch, ticks)))
        return batch

    def _judged_between(self, batch: Batch, ticks: Ticks) -> Iterator[Ticks]:
        """Yield the accepted ticks before, between and behind the batch's renames, splits and dividends."""
        first, stored = 0, []
        for time, together in groupby(batch.events, key=lambda event: event.ts_event):
            events = list(together)
            if any(event.kind in TIMED for event in events):
                last = int(np.searchsorted(ticks.ts_event, time))
                yield self._judged(batch, take(ticks, slice(first, last)))
                events = self._applied(events)
                first = last
            stored += events
        batch.events = stored
        yield self._judged(batch, take(ticks, slice(first, None)) if first else ticks)

    def _applied(self, events: list[Event]) -> list[Event]:
        """Let the events of one time take effect, renames first; return them as they are stored."""
        events = renamed(events, self.universe, self.shown)
        for action in actions_of(events, self.universe):
            ratio = action.ratio_at(float(self.state.level[action.symbol]))
            verdicts.rescale(self.state, action.symbol, ratio)
        return events

    def _judged(self, batch: Batch, ticks: Ticks) -> Ticks:
        ticks = self._as_series(batch, ticks)
        verdict = np.empty(count(ticks), np.uint8)
        if verdicts.judge(self.state, self.sessions, ticks, self.outlier_bound, self.max_spread, verdict):
            for code, reason in _REASONS.items():
                refused = take(ticks, verdict == code)
                self._refuse(batch, ticks_named(refused, self.universe.renames), reason)
            ticks = take(ticks, verdict == verdicts.ACCEPT)
        if not self.shown.all():
            self.shown[ticks.symbol] = True
        return ticks

    def _as_series(self, batch: Batch, ticks: Ticks) -> Ticks:
        """Return ticks under their series' ids; those whose name is nobody's any more are refused."""
        renames = self.universe.renames
        if not renames:
            return ticks
        closed = renames.closed(ticks.symbol, ticks.ts_event)
        if closed.any():
            self._refuse(batch, take(ticks, closed), Dead.UNKNOWN_SYMBOL)
            ticks = take(ticks, ~closed)
        return series_of_ticks(ticks, renames)

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
            Dead.UNKNOWN_SYMBOL: "the new name, since this one was given up; an event `listed` makes it a new symbol's",
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
            "shown": self.shown,
            "events": [asdict(event) for event in self.waiting],
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Continue from a snapshot with the same lanes."""
        self.buffer.restore(snapshot["buffer"])
        self.state = from_snapshot(self.state, snapshot["state"], "order.state")
        self.shown = np.array(snapshot["shown"], np.bool_)
        self.waiting = [Event(**{**event, "kind": EventKind(event["kind"])}) for event in snapshot["events"]]


def _place(event: Event) -> tuple[int, int, int]:
    return event.ts_event, event.lane, event.offset


def _found(ticks: Ticks, k: int) -> str:
    if ticks.kind[k] == QUOTE:
        return f"quote {ticks.bid[k]:g} x {ticks.bid_size[k]:g} / {ticks.ask[k]:g} x {ticks.ask_size[k]:g}"
    return f"trade {ticks.price[k]:g} x {ticks.size[k]:g}"
