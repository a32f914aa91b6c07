"""Serving: predictions go out right behind the model, before what only looks on: outcomes, alerts, certificate."""

from __future__ import annotations

from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from dataflows.sinks.station import Sinks
from dataflows.stations.names import predictions_named
from dataflows.universe import Universe


class ServingStation:
    """Lets the sinks publish a batch's predictions early; they still write them with the batch, under its number."""

    name = "serving"

    def __init__(self, sinks: Sinks, universe: Universe) -> None:
        """Serve through `sinks`, under the names that the universe's renames give."""
        self.sinks = sinks
        self.universe = universe

    def step(self, batch: Batch) -> Batch:
        """Number and publish the predictions; in the batch they stay those of series, for the stations behind."""
        renames = self.universe.renames
        self.sinks.serve(batch, [predictions_named(rows, renames) for rows in batch.predictions])
        return batch

    def snapshot(self) -> Snapshot:
        """Return nothing: the sinks carry what was numbered."""
        return {}

    def restore(self, snapshot: Snapshot) -> None:
        """Take nothing over."""
