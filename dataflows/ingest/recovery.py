"""At a start: what the end of the log says was seen, what was missing, and how far it came."""

from __future__ import annotations

import numpy as np

from dataflows.batch import Arrivals
from dataflows.ingest.clock import VenueClock
from dataflows.ingest.sequences import Sequences
from dataflows.ingest.target import Tail
from schema.ticks import HEARTBEAT, QUOTE, TRADE

_FUTURE_NS = 5_000_000_000  # a time further ahead of its receipt says nothing


def recover(tail: Tail, sequences: Sequences, clock: VenueClock) -> int:
    """Fill `sequences` and `clock` from the end of a log; return how far it came (ns UTC), 0 if it is empty.

    Of several lanes that is the one furthest behind: what was on its way to it may have been lost.

    A hole that was marked is not marked again; one that wasn't, since the process died before, still will be.
    """
    newest = 0
    if tail.state is not None:
        newest = int(tail.state["newest"])
        sequences.restore(tail.state["sequences"])
    if tail.arrivals is None:
        return newest
    ticks = tail.arrivals.ticks
    good = ticks.ts_event <= ticks.ts_recv + _FUTURE_NS
    if tail.arrivals.malformed:
        good[list(tail.arrivals.malformed)] = False
    _see(tail.arrivals, good, sequences)
    _declare(tail.arrivals, sequences)
    timed = np.flatnonzero(good & (ticks.kind == TRADE))[-1000:]
    for row in timed.tolist():
        clock.saw(int(ticks.ts_event[row]), int(ticks.ts_recv[row]))
    reached = [int(ticks.ts_event[good & (ticks.lane == lane)].max(initial=0)) for lane in np.unique(ticks.lane[good])]
    return max(newest, min(reached, default=0))


def _see(arrivals: Arrivals, good: np.ndarray, sequences: Sequences) -> None:
    ticks, names = arrivals.ticks, arrivals.names
    rows = np.flatnonzero(good & (ticks.kind != HEARTBEAT) & (ticks.symbol >= 0))
    columns = zip(
        ticks.kind[rows].tolist(), ticks.symbol[rows].tolist(), ticks.sequence[rows].tolist(),
        ticks.ts_event[rows].tolist(), ticks.ts_recv[rows].tolist(),
    )  # fmt: skip
    for kind, code, number, time, received in columns:
        if kind == TRADE:
            sequences.trade(names[code]).see(number, time, received)
        elif kind == QUOTE:
            sequences.quote(names[code]).see(number)


def _declare(arrivals: Arrivals, sequences: Sequences) -> None:
    """Mark the holes that lie in gaps which were written as declared."""
    for event in arrivals.events:
        first, last = event.details.get("first"), event.details.get("last")
        if not isinstance(first, int) or not isinstance(last, int) or event.symbol not in sequences.trades:
            continue
        for hole in sequences.trades[event.symbol].holes:
            if first <= hole.first and hole.last <= last:
                hole.declared = True
