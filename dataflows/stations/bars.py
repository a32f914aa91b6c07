"""Bars: classify the ordered ticks and close the bars of all timeframes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from dataflows.stations.gaps import GapMarks
from dataflows.stations.halts import HaltMarks
from dataflows.universe import Universe
from features.bar_kernel import Origin
from features.bars import BarBuilder
from features.sessions import Sessions
from features.tick_inputs import TickPreparer
from schema.ticks import Int32, Int64
from schema.timeframes import Timeframe


class BarStation:
    """Close bars by watermark. Runs before the tick features, which are read at the closes it finds."""

    name = "bars"

    def __init__(
        self, universe: Universe, timeframes: tuple[Timeframe, ...], sessions: Sessions, max_spread: float,
        clock: Callable[[], int], n_lanes: int = 1,
    ) -> None:  # fmt: skip
        """Build bars of `timeframes`; quotes wider than `max_spread` (relative) have no mid."""
        self.universe = universe
        self.preparer = TickPreparer(max_spread)
        self.builder = BarBuilder(timeframes, sessions, n_lanes)
        self.gaps, self.halts = GapMarks(universe, len(timeframes)), HaltMarks(universe, len(timeframes))
        self.clock = clock
        self._rank: Int32 | None = None  # that `_by_name` is of
        self._by_name: Int64 = np.zeros(0, np.int64)

    def step(self, batch: Batch) -> Batch:
        """Fill `tick_inputs` and `bars`; bars that lost messages and bars of a halt are marked."""
        n_symbols = len(self.universe.names)
        self.preparer.grow(n_symbols)
        self.builder.grow(n_symbols)
        ticks = batch.ticks
        batch.tick_inputs = self.preparer.prepare(ticks)
        origin = Origin(ticks.lane, ticks.offset, ticks.index)
        batch.bars = self.builder.step(batch.tick_inputs, origin, batch.watermark, self._ids_by_name())
        self.gaps.mark(batch.bars, batch.events)
        self.halts.mark(batch.bars, batch.events)
        batch.stamps.closed = self.clock()
        return batch

    def _ids_by_name(self) -> Int64:
        """Return the symbols' ids in the order of their names; sorted again when the universe has grown."""
        if self.universe.rank is not self._rank:
            self._rank = self.universe.rank
            self._by_name = np.argsort(self._rank)
        return self._by_name

    def snapshot(self) -> Snapshot:
        """Return the open bars, the classifier's memory, and which series wait for bars to mark."""
        return {
            "preparer": self.preparer.snapshot(), "builder": self.builder.snapshot(), "gaps": self.gaps.snapshot(),
            "halts": self.halts.snapshot(),
        }  # fmt: skip

    def restore(self, snapshot: Snapshot) -> None:
        """Continue with the same timeframes."""
        self.preparer.restore(snapshot["preparer"])
        self.builder.restore(snapshot["builder"])
        self.gaps.restore(snapshot["gaps"])
        self.halts.restore(snapshot.get("halts", {"series": [], "ends": []}))  # version 3 began without
