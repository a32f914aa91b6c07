"""Tick features, bar features, cross-section: three stations over one engine, which keeps the state of all."""

from __future__ import annotations

from collections.abc import Callable

from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from dataflows.universe import Universe
from features.engine import FeatureEngine


class TickFeatures:
    """Update the microstructure state of every symbol and read it at each close."""

    name = "tick_features"

    def __init__(self, engine: FeatureEngine, universe: Universe) -> None:
        """Drive the engine's tick groups; this station carries the engine's state in its snapshot."""
        self.engine = engine
        self.universe = universe

    def step(self, batch: Batch) -> Batch:
        """Make the batch's feature rows and fill the tick-driven columns."""
        self.engine.grow(len(self.universe.names))
        if batch.tick_inputs is not None:
            batch.features = self.engine.tick_features(batch.tick_inputs, batch.bars)
        return batch

    def snapshot(self) -> Snapshot:
        """Return the engine's whole state."""
        return self.engine.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Continue with the same catalogue."""
        self.engine.restore(snapshot)


class BarFeatures:
    """Fill the bar-driven columns."""

    name = "bar_features"

    def __init__(self, engine: FeatureEngine) -> None:
        """Drive the engine's bar groups."""
        self.engine = engine

    def step(self, batch: Batch) -> Batch:
        """Fill `inputs` and the bar-driven columns of `features`."""
        if batch.features is not None and len(batch.bars.time):
            batch.inputs = self.engine.bar_features(batch.bars, batch.features)
        return batch

    def snapshot(self) -> Snapshot:
        """Return nothing: the tick station carries the engine's state."""
        return {}

    def restore(self, snapshot: Snapshot) -> None:
        """Take nothing over."""


class CrossSection:
    """Fill the columns that compare the symbols of a bar time. Runs behind the barrier."""

    name = "cross_section"

    def __init__(self, engine: FeatureEngine, universe: Universe, clock: Callable[[], int]) -> None:
        """Drive the engine's cross-section groups."""
        self.engine = engine
        self.universe = universe
        self.clock = clock

    def step(self, batch: Batch) -> Batch:
        """Fill the cross-section columns of `features`, and finish the rows: gaps are masked, units are the bars'."""
        if batch.features is not None and batch.inputs is not None:
            leaders = self.universe.ids(self.universe.leaders).tolist()
            self.engine.cross_section(batch.inputs, batch.bars, batch.features, leaders)
            self.engine.finish(batch.bars, batch.inputs, batch.features)
        batch.stamps.features_ready = self.clock()
        return batch

    def snapshot(self) -> Snapshot:
        """Return nothing: the tick station carries the engine's state."""
        return {}

    def restore(self, snapshot: Snapshot) -> None:
        """Take nothing over."""
