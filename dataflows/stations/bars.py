"""Bars: classify the ordered ticks and close the bars of all timeframes; splits and corrections take effect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from dataflows.stations.actions import action_of, complaint, ignored, nothing_shown, told
from dataflows.stations.corrections import CorrectionMarks
from dataflows.stations.gaps import GapMarks
from dataflows.stations.halts import HaltMarks
from dataflows.universe import Universe
from features.bar_kernel import Origin
from features.bars import BarBuilder
from features.basis import ticks_on_basis
from features.inputs import TickInputs
from features.sessions import Sessions
from features.tick_inputs import TickPreparer
from schema.bars import Bars, concat_bars
from schema.events import Event, EventKind
from schema.ticks import Int32, Int64, Ticks, count, take
from schema.timeframes import Timeframe

_ACTIONS: Final = frozenset({EventKind.SPLIT, EventKind.DIVIDEND})
_CORRECTIONS: Final = frozenset({EventKind.CORRECTION, EventKind.CANCEL})


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
        self.corrections = CorrectionMarks(universe, [timeframe.name for timeframe in timeframes])
        self.clock = clock
        self._rank: Int32 | None = None  # that `_by_name` is of
        self._by_name: Int64 = np.zeros(0, np.int64)

    def step(self, batch: Batch) -> Batch:
        """Fill `tick_inputs` and `bars`; bars that lost messages, of a halt or with a corrected trade are marked."""
        n_symbols = len(self.universe.names)
        self.preparer.grow(n_symbols)
        self.builder.grow(n_symbols)
        parts = list(self._walked(batch))
        batch.tick_inputs = TickInputs(*_joined([inputs for inputs, _ in parts]))
        batch.bars = concat_bars([bars for _, bars in parts])
        self.gaps.mark(batch.bars, batch.events)
        self.halts.mark(batch.bars, batch.events)
        batch.stamps.closed = self.clock()
        return batch

    def _walked(self, batch: Batch) -> Iterator[tuple[TickInputs, Bars]]:
        """Walk the batch's ticks up to each event that changes what stands, then the rest."""
        first = 0
        for k, event in enumerate(batch.events):
            if event.kind in _ACTIONS or event.kind in _CORRECTIONS:
                last = int(np.searchsorted(batch.ticks.ts_event, event.ts_event))
                yield self._walk(batch.ticks, first, last, min(event.ts_event, batch.watermark))
                batch.events[k] = self._applied(event)
                first = last
        yield self._walk(batch.ticks, first, count(batch.ticks), batch.watermark)

    def _walk(self, batch: Ticks, first: int, last: int, watermark: int) -> tuple[TickInputs, Bars]:
        """Return ticks first .. last - 1 of a batch as kernels read them, and the bars that they and the time close."""
        ticks = batch if last - first == count(batch) else take(batch, slice(first, last))
        inputs = self.preparer.prepare(ticks)
        origin = Origin(ticks.lane, ticks.offset, ticks.index)
        bars = self.builder.step(inputs, origin, watermark, self._ids_by_name())
        bars.position[:] += first
        self.corrections.mark(bars)
        return ticks_on_basis(inputs, self.builder.basis), bars

    def _applied(self, event: Event) -> Event:
        """Let an event take effect; return it as it is stored."""
        if event.kind in _CORRECTIONS:
            return self.corrections.take(event, self.builder.series)
        if why := complaint(event, self.universe):
            return ignored(event, why)
        action = action_of(event, self.universe)
        price = float(self.builder.symbols["price"][action.symbol])
        if np.isnan(price):
            return ignored(event, nothing_shown(event))
        ratio = action.ratio_at(price)
        if ratio == 1.0:
            return ignored(event, f"a ratio of 1 at the price {price:g} changes nothing")
        self.preparer.rescale(action.symbol, ratio)
        self.builder.rescale(action.symbol, ratio)
        return told(event, ratio=ratio)

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
            "halts": self.halts.snapshot(), "corrections": self.corrections.snapshot(),
        }  # fmt: skip

    def restore(self, snapshot: Snapshot) -> None:
        """Continue with the same timeframes."""
        self.preparer.restore(snapshot["preparer"])
        self.builder.restore(snapshot["builder"])
        self.gaps.restore(snapshot["gaps"])
        self.halts.restore(snapshot.get("halts", {"series": [], "ends": []}))  # version 3 began without
        self.corrections.restore(snapshot["corrections"])


def _joined(parts: Sequence[TickInputs]) -> Sequence[np.ndarray]:
    return parts[0] if len(parts) == 1 else [np.concatenate(columns) for columns in zip(*parts)]
