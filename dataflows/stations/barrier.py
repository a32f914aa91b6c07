"""Barrier: the rows of a bar time pass together, for the cross-section and the micro-batches behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dataflows.barrier import Barrier, Rows
from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from dataflows.universe import Universe
from schema.events import Decision

FUSED = "fused"


class BarrierStation:
    """The barrier of the fused topology: one shard, this process, whose watermark is its mark.

    All lanes have passed a bar time before the watermark does, so every close here is "all in".
    """

    name = "barrier"

    def __init__(
        self, universe: Universe, deadline_ns: int, clock: Callable[[], int], record: Callable[[Decision], None],
        decided: Iterable[Decision] = (),
    ) -> None:  # fmt: skip
        """See `dataflows.barrier.Barrier`."""
        self.barrier = Barrier([FUSED], deadline_ns, record, decided)
        self.universe = universe
        self.clock = clock

    def step(self, batch: Batch) -> Batch:
        """Hold the rows of bar times that aren't complete; put those that are into the batch."""
        if batch.features is None or batch.inputs is None or not len(batch.bars.time):
            return batch
        rows = Rows(batch.bars, batch.features, batch.inputs)
        self.barrier.push(FUSED, rows, max(batch.watermark, int(batch.bars.time[-1])))
        released = self.barrier.release(self.clock(), self.universe.rank)
        assert released is not None, "the fused shard marks every row it brings"
        batch.bars, batch.features, batch.inputs = released
        return batch

    def snapshot(self) -> Snapshot:
        """Return the barrier's state."""
        return self.barrier.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Continue."""
        self.barrier.restore(snapshot)
