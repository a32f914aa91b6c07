"""What a run over everything would know and a shard can't see: which symbols it admits, and when its lanes begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dataflows.batch import Batch
from dataflows.calendars import sessions_of_calendar
from dataflows.interfaces import EndOfInput, Source
from dataflows.stations.actions import TO
from dataflows.stations.gate import Gate
from dataflows.stations.order import Order
from dataflows.universe import Universe
from ops.settings import Settings
from schema.ticks import count

MILLISECOND = 1_000_000  # ns


@dataclass(frozen=True, slots=True)
class Survey:
    """The universe in the order of its ids with each symbol's ticks, and the first ordered tick of each lane."""

    ticks: dict[str, int]
    began: list[int]  # ns UTC, -1 where no tick of the lane is ever used
    read: int  # ticks, heartbeats included
    renames: tuple[tuple[str, str], ...] = ()  # old and new names that events tell of: one shard's


def survey(settings: Settings, source: Source, on_read: Callable[[int], bool] = lambda read: False) -> Survey:
    """Read a source through gate and order as the whole run would; `on_read` may ask to stop."""
    universe = Universe(settings.universe.listed, settings.universe.cap)
    gate = Gate(universe, len(source.lanes), settings.gate.future_bound_ms * MILLISECOND)
    order = _order(settings, universe, len(source.lanes))
    seen, read, ended = np.zeros(0, np.int64), 0, False
    began, renames = np.full(len(source.lanes), -1), []
    while not (ended or on_read(read)):
        batch = Batch(0)
        try:
            batch.arrivals = source.next_batch()
        except EndOfInput:
            batch.last = ended = True
        read += 0 if batch.arrivals is None else count(batch.arrivals.ticks)
        batch = gate.step(batch)
        renames += [(event.symbol, str(event.details.get(TO))) for event in batch.events if TO in event.details]
        fresh = np.bincount(batch.ticks.symbol[batch.ticks.symbol >= 0], minlength=len(universe))
        fresh[: len(seen)] += seen
        seen = fresh
        if (began < 0).any():
            ordered = order.step(batch).ticks
            lanes, rows = np.unique(ordered.lane, return_index=True)
            began[lanes] = np.where(began[lanes] < 0, ordered.ts_event[rows], began[lanes])
    return Survey({name: int(seen[k]) for k, name in enumerate(universe.names)}, began.tolist(), read, tuple(renames))


def _order(settings: Settings, universe: Universe, lanes: int) -> Order:
    bars, order = settings.bars, settings.order
    sessions = sessions_of_calendar(bars.calendar, bars.extended_open, bars.extended_close)
    return Order(
        universe, sessions, lanes, order.bound_ms * MILLISECOND, order.capacity, order.outlier_bound, order.max_spread
    )
