"""The beginning of an inference process: the shards' rows meet at the barrier and get their cross-section."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from dataflows.barrier import Barrier, Rows
from dataflows.batch import NO_TICKS, Batch
from dataflows.interfaces import Snapshot
from dataflows.split.message import EVERYTHING, ShardRows
from dataflows.split.series import Series
from dataflows.universe import Universe
from features.catalogue import Group, Stage
from features.engine import FeatureEngine
from features.tick_inputs import TickPreparer
from schema.bars import Bars, take_bars
from schema.events import Decision
from schema.features import FeatureRows


class UniverseFull(RuntimeError):
    """The shards bring more symbols than the inference process may hold."""


class Join:
    """Rows of all shards in; whole bar times with all columns out, as the fused topology has them.

    Rows that came before (a shard that was restarted sends some again) are dropped. Rows that are missing are an
    error: a series' bars are numbered without a hole.
    """

    name = "join"

    def __init__(
        self, groups: Sequence[Group], by_time: tuple[bool, ...], universe: Universe, shards: Sequence[str],
        deadline_ns: int, clock: Callable[[], int], record: Callable[[Decision], None],
        decided: Iterable[Decision] = (),
    ) -> None:  # fmt: skip
        """Wait `deadline_ns` of clock for a shard that is behind, 0: for ever; see `dataflows.barrier.Barrier`."""
        self.universe, self.clock = universe, clock
        self.barrier = Barrier(shards, deadline_ns, record, decided)
        self.engine = FeatureEngine(
            [group for group in groups if group.stage is Stage.CROSS], len(by_time), by_time
        )  # fmt: skip
        self._single, self._cross = _places(groups)
        self._series = Series(len(by_time))
        self._origins: list[tuple[str, int]] = []
        self._lanes = dict.fromkeys(shards, 0)
        self._no_ticks = TickPreparer().prepare(NO_TICKS)

    @property
    def lanes(self) -> int:
        """How many lanes all shards read that were heard of."""
        return sum(self._lanes.values())

    def step(self, batch: Batch) -> Batch:
        """Take the batch's messages; put the bar times that are complete into it."""
        for rows in batch.arrivals.shards if batch.arrivals else ():
            self._take(rows)
            batch.stamps.received, batch.stamps.closed = rows.received, rows.closed
        if batch.last:
            for shard in self.barrier.closed_through:
                self.barrier.closed_through[shard] = EVERYTHING
        released = self.barrier.release(self.clock(), self.universe.rank)
        batch.watermark = max(self.barrier.released_through, 0)
        if released is not None:
            batch.bars = released.bars
            batch.features = self._completed(batch, released)
        batch.stamps.features_ready = self.clock()
        return batch

    def _take(self, rows: ShardRows) -> None:
        if rows.shard not in self.barrier.closed_through:
            raise ValueError(
                f"join: rows of shard {rows.shard!r}, expected one of {sorted(self.barrier.closed_through)}; "
                "list every feature process in split.shards"
            )
        self._lanes[rows.shard] = rows.lanes
        bars = self._renamed(rows)
        fresh = self._series.fresh(bars)
        part = Rows(take_bars(bars, fresh), FeatureRows(rows.values[fresh], rows.why[fresh]), None)
        self.barrier.push(rows.shard, part, rows.closed_through)

    def _renamed(self, rows: ShardRows) -> Bars:
        """Return the bars with this process's ids for symbols and lanes."""
        symbols = self.universe.ids(rows.names)
        if (symbols < 0).any():
            for name in rows.names:
                self.universe.admit(name, 0)
            symbols = self.universe.ids(rows.names)
        if (symbols < 0).any():
            raise UniverseFull(
                f"join: shard {rows.shard!r} brings {rows.names[int(np.argmin(symbols))]!r}, and {len(self.universe)} "
                "symbols are known; raise universe.cap, or list it in universe.symbols"
            )
        for origin in rows.origins:
            if origin not in self._origins:
                self._origins.append(origin)
        lanes = np.array([self._origins.index(origin) for origin in rows.origins], np.int32)
        return rows.bars._replace(symbol=symbols[rows.bars.symbol], lane=lanes[rows.bars.lane])

    def _completed(self, batch: Batch, released: Rows) -> FeatureRows:
        """Return the rows with the columns that compare symbols."""
        bars, n = released.bars, len(released.bars.time)
        self.engine.grow(len(self.universe))
        leaders = self.universe.ids(self.universe.leaders).tolist()
        cross, batch.inputs = self.engine.step(self._no_ticks, bars, leaders=leaders)
        width = len(self._single) + len(self._cross)
        values, why = np.empty((n, width)), np.empty((n, width), np.uint8)
        values[:, self._single], why[:, self._single] = released.features.values, released.features.why
        values[:, self._cross], why[:, self._cross] = cross.values, cross.why
        return FeatureRows(values, why)

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Resolve as the shards' sources did."""
        places = [self._origins[k] for k in lane.tolist()]
        return [source for source, _ in places], np.array([part for _, part in places], np.int32), offset

    def snapshot(self) -> Snapshot:
        """Return what waits, what came, and the cross-section's state."""
        return {
            "barrier": self.barrier.snapshot(), "engine": self.engine.snapshot(), "universe": self.universe.snapshot(),
            "series": self._series.last, "origins": [list(origin) for origin in self._origins],
            "lanes": dict(self._lanes),
        }  # fmt: skip

    def restore(self, snapshot: Snapshot) -> None:
        """Continue there. Raises ValueError where it was made with other shards or columns."""
        if set(snapshot["lanes"]) != set(self._lanes):
            raise ValueError(
                f"it was made with the shards {sorted(snapshot['lanes'])}, these are {sorted(self._lanes)}; "
                "set split.shards as it was"
            )
        self.universe.restore(snapshot["universe"])
        self.engine.restore(snapshot["engine"])
        self.barrier.restore(snapshot["barrier"])
        self._series.last = np.array(snapshot["series"])
        self._origins = [(str(source), int(partition)) for source, partition in snapshot["origins"]]
        self._lanes = dict(snapshot["lanes"])


def _places(groups: Sequence[Group]) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns of the catalogue that the shards fill, and those filled here."""
    crosses: list[Any] = [group.stage is Stage.CROSS for group in groups for _ in group.columns]
    return np.flatnonzero(~np.array(crosses, np.bool_)), np.flatnonzero(crosses)
