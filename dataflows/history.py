"""History as live would have seen it: feature rows of replayed ticks, for training and notebooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dataflows.assembly import assemble
from dataflows.interfaces import EndOfInput, Source
from ops.settings import Settings
from schema.bars import Bars
from schema.features import FeatureRows


def quiet(settings: Settings) -> Settings:
    """Return settings of a run that stores nothing, publishes nothing and asks no model."""
    null = {"url": "null:"}
    return settings.model_copy(
        update={
            "store": settings.store.model_copy(update=null),
            "bus": settings.bus.model_copy(update=null),
            "inference": settings.inference.model_copy(update={"model": "none"}),
        }
    )


def feature_history(
    settings: Settings, source: Source, on_read: Callable[[int], bool] = lambda read: False
) -> Iterator[tuple[Bars, FeatureRows]]:
    """Yield the bars and feature rows of each batch of a source, through the stations that live runs.

    Nothing is stored and no model is run. `on_read` is told how many ticks were read and may ask to stop.
    """
    flow = assemble(quiet(settings), source)
    try:
        while not flow.pipeline.draining:
            try:
                batch = flow.pipeline.advance()
            except EndOfInput:
                return
            if batch is None:
                continue
            flow.pipeline.draining = on_read(flow.tally.counts.ticks_read)
            if batch.features is not None and len(batch.bars.time):
                yield batch.bars, batch.features
    finally:
        flow.close()
