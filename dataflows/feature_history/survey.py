"""What a run over everything would know and a shard can't see: which symbols it admits, and when its stream begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dataflows.batch import Batch
from dataflows.calendars import sessions_of_calendar
from dataflows.interfaces import EndOfInput, Source
from dataflows.stations.gate import Gate
from dataflows.stations.order import Order
from dataflows.universe import Universe
from ops.settings import Settings
from schema.ticks import count

MILLISECOND = 1_000_000  # ns


@dataclass(frozen=True, slots=True)
class Survey:
    """The universe in the order of its ids with each symbol's ticks, and the first ordered tick."""

    ticks: dict[str, int]
    first: int  # ns UTC, -1 where no tick is ever used
    read: int  # ticks, heartbeats included


def survey(settings: Settings, source: Source, on_read: Callable[[int], bool] = lambda read: False) -> Survey:
    """Read a source through gate and order as the whole run would; `on_read` may ask to stop."""
    symbols = settings.universe.symbols
    universe = Universe(None if symbols == "auto" else list(symbols), settings.universe.cap)
    gate = Gate(universe, len(source.lanes), settings.gate.future_bound_ms * MILLISECOND)
    order = _order(settings, universe, len(source.lanes))
    seen, first, read, ended = np.zeros(0, np.int64), -1, 0, False
    while not (ended or on_read(read)):
        batch = Batch(0)
        try:
            batch.arrivals = source.next_batch()
        except EndOfInput:
            batch.last = ended = True
        read += 0 if batch.arrivals is None else count(batch.arrivals.ticks)
        batch = gate.step(batch)
        fresh = np.bincount(batch.ticks.symbol[batch.ticks.symbol >= 0], minlength=len(universe))
        fresh[: len(seen)] += seen
        seen = fresh
        if first < 0 and count((batch := order.step(batch)).ticks):
            first = int(batch.ticks.ts_event[0])
    return Survey({name: int(seen[k]) for k, name in enumerate(universe.names)}, first, read)


def _order(settings: Settings, universe: Universe, lanes: int) -> Order:
    bars, order = settings.bars, settings.order
    sessions = sessions_of_calendar(bars.calendar, bars.extended_open, bars.extended_close)
    return Order(
        universe, sessions, lanes, order.bound_ms * MILLISECOND, order.capacity, order.outlier_bound, order.max_spread
    )
