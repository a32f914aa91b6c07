"""A flow ready to run, and what a command wants to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataflows.certificate import Certifier
from dataflows.pipeline import Pipeline
from dataflows.sinks.bus import Bus
from dataflows.sinks.stores import OpenedStore
from dataflows.split.join import Join
from dataflows.split.publisher import Channel
from dataflows.stations.barrier import BarrierStation
from dataflows.stations.tally import Tally
from dataflows.universe import Universe
from features.engine import FeatureEngine
from schema.timeframes import Timeframe

if TYPE_CHECKING:
    from dataflows.stations.inference import Inference


@dataclass
class Flow:
    """The pipeline and its parts, opened."""

    pipeline: Pipeline
    universe: Universe
    timeframes: tuple[Timeframe, ...]
    features: FeatureEngine
    certifier: Certifier
    tally: Tally
    barrier: BarrierStation | Join
    inference: Inference | None
    store: OpenedStore
    bus: Bus
    channel: Channel | None = None  # of a feature process

    def finish(self) -> None:
        """Make everything durable after the engine has stopped in good order."""
        self.store.flush()
        if self.channel is not None:
            self.channel.flush()
        self.pipeline.finish()

    def close(self) -> None:
        """Release everything. Never raises."""
        if self.pipeline.checkpoints is not None:
            self.pipeline.checkpoints.close()
        self.pipeline.source.close()
        if self.channel is not None:
            self.channel.close()
        self.bus.close()
        self.store.close()

    def acknowledged(self) -> int:
        """Return the newest batch number up to which all that was written is durable."""
        stored = self.store.acknowledged()
        return stored if self.channel is None else min(stored, self.channel.acknowledged())
