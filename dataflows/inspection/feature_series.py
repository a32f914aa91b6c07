"""Columns of one symbol over time, as a replay gives them: what a plot or a notebook wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dataflows.assembly.assemble import assemble
from dataflows.assembly.feature_groups import groups_of
from dataflows.assembly.flow import Flow
from dataflows.batch import Batch
from dataflows.history import quiet
from dataflows.interfaces import Source
from ops.settings import Settings
from schema.ticks import Float64, Int64, UInt8


class NotFound(ValueError):
    """A column or symbol that was asked for is not there: the message says what is."""


@dataclass(frozen=True, slots=True)
class FeatureSeries:
    """n bars of one symbol and timeframe with k columns."""

    symbol: str
    timeframe: str
    names: tuple[str, ...]
    time: Int64  # (n,) ns UTC of the close
    close: Float64  # (n,)
    values: Float64  # (n, k), NaN where undefined
    why: UInt8  # (n, k) schema.reasons.Why


def families_of(settings: Settings, names: Sequence[str]) -> tuple[str, ...]:
    """Return the families that columns belong to; computing only these is quicker. Raises NotFound."""
    family = {column.name: str(group.family) for group in groups_of(settings) for column in group.columns}
    if missing := [name for name in names if name not in family]:
        raise NotFound(f"columns {missing} are not in the catalogue; `undertone features list` shows the known ones")
    return tuple(dict.fromkeys(family[name] for name in names))


def feature_series(
    settings: Settings,
    source: Source,
    symbol: str,
    names: Sequence[str],
    on_read: Callable[[int], bool] = lambda read: False,
) -> FeatureSeries:
    """Replay a source and keep `names` of `symbol` in the first configured timeframe.

    The other symbols of the source are computed beside it, since columns that compare symbols need them. Families
    that none of the columns belongs to are not computed. `on_read` is told how many ticks were read and may ask to
    stop. Raises NotFound for a column that is not in the catalogue, or a symbol that the source does not have.
    """
    chosen = settings.features.model_copy(update={"families": families_of(settings, names)})
    parts: list[tuple[np.ndarray, ...]] = []

    def keep(batch: Batch) -> None:
        flow.pipeline.draining = on_read(flow.tally.counts.ticks_read)
        if batch.features is not None and symbol in flow.universe.names:
            bars, number = batch.bars, flow.universe.names.index(symbol)
            rows = np.flatnonzero((bars.symbol == number) & (bars.timeframe == 0))
            cells = np.ix_(rows, place)
            parts.append((bars.time[rows], bars.close[rows], batch.features.values[cells], batch.features.why[cells]))

    flow: Flow = assemble(quiet(settings.model_copy(update={"features": chosen})), source, on_batch=keep)
    place = np.array([flow.features.names.index(name) for name in names])
    try:
        flow.pipeline.run()
    finally:
        flow.close()
    if not parts or not sum(len(part[0]) for part in parts):
        raise NotFound(f"symbol {symbol!r} has no bar there; the files have {', '.join(flow.universe.names) or 'none'}")
    joined = (np.concatenate(columns) for columns in zip(*parts))
    return FeatureSeries(symbol, settings.bars.timeframes[0], tuple(names), *joined)
