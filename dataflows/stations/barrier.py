"""Barrier: the rows of a bar time pass together, for the cross-section and the micro-batches behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dataflows.barrier import Barrier, Rows
from dataflows.batch import NO_BARS, Batch
from dataflows.interfaces import Snapshot
from dataflows.split.message import EVERYTHING
from dataflows.universe import Universe
from schema.events import Decision

FUSED = "fused"


class BarrierStation:
    """The barrier of the fused topology: one shard, this process, whose watermark is its mark.

    All lanes have passed a bar time before the watermark does, so every close here is "all in". A bar by activity may
    still close at the watermark itself, on a tick of that time: where there are such timeframes, rows of that time wait
    for it.
    """

    name = "barrier"

    def __init__(
        self, universe: Universe, deadline_ns: int, clock: Callable[[], int], record: Callable[[Decision], None],
        decided: Iterable[Decision] = (), by_time: bool = True,
    ) -> None:  # fmt: skip
        """See `dataflows.barrier.Barrier`; `by_time` says that no bar closes by activity."""
        self.barrier = Barrier([FUSED], deadline_ns, record, decided)
        self._behind = 0 if by_time else 1
        self.universe = universe
        self.clock = clock

    def step(self, batch: Batch) -> Batch:
        """Hold the rows of bar times that aren't complete; put those that are into the batch."""
        if batch.features is not None and batch.inputs is not None and len(batch.bars.time):
            rows = Rows(batch.bars, batch.features, batch.inputs)
        elif self.barrier.waiting:
            rows = None
        else:
            return batch
        self.barrier.push(FUSED, rows, EVERYTHING if batch.last else batch.watermark - self._behind)
        released = self.barrier.release(self.clock(), self.universe.rank)
        batch.bars, batch.features, batch.inputs = (NO_BARS, None, None) if released is None else released
        return batch

    def snapshot(self) -> Snapshot:
        """Return the barrier's state."""
        return self.barrier.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Continue."""
        self.barrier.restore(snapshot)
