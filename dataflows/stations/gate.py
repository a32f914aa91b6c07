"""The gate: every tick is checked by itself, in bulk; what can't be used becomes a dead letter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from dataflows.batch import Arrivals, Batch, DeadLetter
from dataflows.interfaces import Snapshot
from dataflows.stations.actions import TO
from dataflows.stations.checks import REASONS, check, explain
from dataflows.universe import Universe
from schema.events import Decision, Event, EventKind
from schema.reasons import Dead
from schema.ticks import HEARTBEAT, NO_SYMBOL, Int32, Ticks, UInt8, count, take

SECOND_NS: Final = 1_000_000_000
_MALFORMED, _UNKNOWN_SYMBOL = REASONS.index(Dead.MALFORMED), REASONS.index(Dead.UNKNOWN_SYMBOL)


class Gate:
    """Fills `batch.ticks` (symbols by the universe's ids), `batch.dead`, and the decisions to admit a symbol.

    The verdict on a tick depends on that tick and on the universe alone; a symbol is admitted by its first tick that
    passes every other check. So the same log gives the same ticks, letters and ids however it is cut in batches.
    """

    name = "gate"

    def __init__(
        self,
        universe: Universe,
        lanes: int = 1,
        future_bound_ns: int = 5 * SECOND_NS,
        clock: Callable[[], int] | None = None,
    ) -> None:
        """Refuse ticks more than `future_bound_ns` ahead of their own ts_recv; `clock` stamps the arrival (ns UTC)."""
        self.universe, self.lanes, self.future_bound_ns = universe, lanes, future_bound_ns
        self._clock = clock
        self.ticks_read = 0  # heartbeats aside
        self.heartbeats = 0
        self.ticks_dead = {str(reason): 0 for reason in Dead}
        self._names: tuple[str, ...] | None = None  # whose ids are in `_ids`
        self._ids: Int32 = np.empty(0, np.int32)

    def step(self, batch: Batch) -> Batch:
        """Sort the arrivals of one batch into ticks and dead letters."""
        arrivals = batch.arrivals
        if arrivals is None:
            return batch
        if self._clock is not None:
            batch.stamps.received = self._clock()
        batch.events.extend(arrivals.events)
        reason, symbol = self._judge(arrivals, batch.decisions)
        ticks = arrivals.ticks._replace(symbol=symbol)
        refused = np.flatnonzero(reason)
        if len(refused):
            batch.dead.extend(self._letters(arrivals, refused, reason))
            ticks = take(ticks, reason == 0)
        batch.ticks = ticks
        pulses = int(np.count_nonzero(ticks.kind == HEARTBEAT))
        self.heartbeats += pulses
        self.ticks_read += count(arrivals.ticks) - pulses
        return batch

    def _judge(self, arrivals: Arrivals, decisions: list[Decision]) -> tuple[UInt8, Int32]:
        """Return for each tick the index into REASONS (0 passes), and its symbol's id."""
        ticks = arrivals.ticks
        reason, symbol = np.empty(count(ticks), np.uint8), np.empty(count(ticks), np.int32)
        ids = self._ids_of(arrivals.names)
        strangers = check(ticks, ids, self.lanes, self.future_bound_ns, reason, symbol)
        if strangers < 0:
            row = -1 - strangers
            raise ValueError(
                f"gate: tick {row} of the batch (offset {ticks.offset[row]}) is of lane {ticks.lane[row]} or of name "
                f"{ticks.symbol[row]}, the source has {self.lanes} lanes and {len(arrivals.names)} names; the source "
                "and the gate must be made with the same lanes"
            )
        if arrivals.malformed:
            reason[list(arrivals.malformed)] = _MALFORMED
        renames = [event for event in arrivals.events if event.kind is EventKind.RENAMED]
        if (strangers or renames) and not self.universe.full:
            self._admit(arrivals, renames, reason, symbol, decisions)
        return reason, symbol

    def _admit(
        self, arrivals: Arrivals, renames: list[Event], reason: UInt8, symbol: Int32, decisions: list[Decision]
    ) -> None:
        """Admit unknown symbols in the order of their first ticks, and let those ticks pass.

        The new name of a known symbol is admitted where the message stands that tells of it.
        """
        ticks = arrivals.ticks
        rows = np.flatnonzero((reason == _UNKNOWN_SYMBOL) & (ticks.symbol >= 0))
        names, first = np.unique(ticks.symbol[rows], return_index=True)
        strangers = {int(rows[first[k]]): arrivals.names[names[k]] for k in range(len(names))}
        told = sorted(((_row(event, ticks), event) for event in renames), key=lambda place: place[0])
        for row in sorted({*strangers, *(row for row, _ in told)}):
            for event in (event for at, event in told if at == row):
                decisions += self._announce(event)
            if row in strangers:
                decisions += self._admitted(strangers[row], int(ticks.ts_event[row]))
        self._names = None
        symbol[rows] = self._ids_of(arrivals.names)[ticks.symbol[rows]]
        reason[rows[symbol[rows] != NO_SYMBOL]] = 0

    def _announce(self, event: Event) -> list[Decision]:
        new = event.details.get(TO)
        if isinstance(new, str):
            self.universe.announce(event.symbol, new)
        known = self.universe.id_of(event.symbol) != NO_SYMBOL
        return self.universe.announced(event.symbol, event.ts_event) if known else []

    def _admitted(self, name: str, time: int) -> list[Decision]:
        decision = self.universe.admit(name, time)
        return [] if decision is None else [decision, *self.universe.announced(name, time)]

    def _ids_of(self, names: tuple[str, ...]) -> Int32:
        if names is not self._names:
            self._names, self._ids = names, self.universe.ids(names)
        return self._ids

    def _letters(self, arrivals: Arrivals, rows: np.ndarray, reason: UInt8) -> Iterator[DeadLetter]:
        ticks, names = arrivals.ticks, arrivals.names
        for row in rows.tolist():
            why = REASONS[reason[row]]
            assert why is not None
            self.ticks_dead[why] += 1
            found, expected = explain(why, arrivals, row, self.universe, self.future_bound_ns)
            yield DeadLetter(
                time=int(ticks.ts_event[row]),
                symbol=names[ticks.symbol[row]] if ticks.symbol[row] >= 0 else "",
                reason=why,
                found=found,
                expected=expected,
                lane=int(ticks.lane[row]),
                offset=int(ticks.offset[row]),
                index=int(ticks.index[row]),
            )

    def snapshot(self) -> Snapshot:
        """Return the universe and the counts."""
        return {
            "universe": self.universe.snapshot(),
            "ticks_read": self.ticks_read,
            "heartbeats": self.heartbeats,
            "ticks_dead": dict(self.ticks_dead),
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Continue with the universe and the counts of a snapshot."""
        self.universe.restore(snapshot["universe"])
        self._names = None
        self.ticks_read, self.heartbeats = int(snapshot["ticks_read"]), int(snapshot["heartbeats"])
        self.ticks_dead = {str(reason): int(snapshot["ticks_dead"].get(str(reason), 0)) for reason in Dead}


def _row(event: Event, ticks: Ticks) -> int:
    """Return the first row that stands behind an event in its lane."""
    behind = np.flatnonzero((ticks.lane == event.lane) & (ticks.offset >= event.offset))
    return int(behind[0]) if len(behind) else count(ticks)
