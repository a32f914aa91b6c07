"""History as live would have seen it: feature rows of replayed ticks, for training and notebooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from dataflows.assembly.assemble import assemble
from dataflows.interfaces import EndOfInput, Source
from dataflows.stations.names import series_of_bars, series_of_ticks
from ops.settings import Settings
from schema.bars import Bars
from schema.features import FeatureRows
from schema.ticks import Ticks

OnTicks = Callable[[Ticks], None]  # is given each batch's ticks in order of event time, as the stations use them
OnNames = Callable[[Sequence[str]], None]  # is given the symbols' names by their ids, after each batch


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
    settings: Settings, source: Source, on_read: Callable[[int], bool] = lambda read: False,
    on_ticks: OnTicks = lambda ticks: None, on_names: OnNames = lambda names: None,
) -> Iterator[tuple[Bars, FeatureRows]]:  # fmt: skip
    """Yield the bars and feature rows of each batch of a source, through the stations that live runs.

    Nothing is stored and no model is run. `on_read` is told how many ticks were read and may ask to stop. A renamed
    symbol is one history, under the id of its first name.
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
            renames = flow.universe.renames
            on_ticks(series_of_ticks(batch.ticks, renames))
            on_names(flow.universe.names)
            if batch.features is not None and len(batch.bars.time):
                yield series_of_bars(batch.bars, renames), batch.features
    finally:
        flow.close()
