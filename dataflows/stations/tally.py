"""Tally: count what became of every tick and what was made of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field

import numpy as np

from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from schema.ticks import HEARTBEAT, count


@dataclass(slots=True)
class Counts:
    """Totals since the stream began. Once the input has ended, read = used + late + dead."""

    ticks_read: int = 0
    ticks_used: int = 0
    ticks_late: int = 0
    ticks_dead: dict[str, int] = field(default_factory=dict)  # by reason
    bars: int = 0
    feature_rows: int = 0
    predictions: int = 0

    def lost(self) -> int:
        """Return how many ticks are unaccounted for; not 0 only while the reorder buffer holds some."""
        return self.ticks_read - self.ticks_used - self.ticks_late - sum(self.ticks_dead.values())


class Tally:
    """The last station: what it counted went through all others."""

    name = "tally"

    def __init__(self) -> None:
        """Start from zero."""
        self.counts = Counts()

    def step(self, batch: Batch) -> Batch:
        """Add the batch to the totals."""
        counts = self.counts
        if batch.arrivals is not None:
            kind = batch.arrivals.ticks.kind
            counts.ticks_read += len(kind) - int(np.count_nonzero(kind == HEARTBEAT))
        counts.ticks_used += count(batch.ticks)
        counts.ticks_late += count(batch.late)
        for reason, n in Counter(letter.reason for letter in batch.dead).items():
            counts.ticks_dead[reason] = counts.ticks_dead.get(reason, 0) + n
        counts.bars += len(batch.bars.time)
        counts.feature_rows += 0 if batch.features is None else len(batch.features.values)
        counts.predictions += sum(len(rows.time) for rows in batch.predictions)
        return batch

    def snapshot(self) -> Snapshot:
        """Return the totals."""
        return asdict(self.counts)

    def restore(self, snapshot: Snapshot) -> None:
        """Count on from the totals of a snapshot."""
        self.counts = Counts(**snapshot)
