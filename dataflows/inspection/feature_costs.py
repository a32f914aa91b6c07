"""What each group of the catalogue costs: time a row or tick, bytes a series, whether its kernel was compiled before.

The kernels are timed one by one inside the stations of a real flow over the built-in market, in CPU time of this
thread, so that a loaded machine disturbs less. Of a group's times a batch the median counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.batch import Batch
from dataflows.history import quiet
from dataflows.sources.synthetic import CHUNK_SECONDS, SyntheticMarket
from features.catalogue import Group, Stage
from features.engine import EVERY_FEED, FeatureEngine
from ops.settings import Settings

WARM_UP: Final = 70  # batches of 5 s: longer than the longest window
MEASURED: Final = 24
RATE: Final = 10.0  # ticks a second and symbol


@dataclass(frozen=True, slots=True)
class GroupCost:
    """What one group costs on this machine."""

    group: Group
    ns: float  # CPU time a row; a tick where ticks drive it
    bytes_per_series: float  # of its own state; the shared rings are not in it
    compiled: str  # "cached", "compiled now" or "not kept"

    @property
    def per(self) -> str:
        """What `ns` is of: tick or row."""
        return "tick" if self.group.stage is Stage.TICKS else "row"


class _Stopwatch:
    """The kernels' CPU times, a batch and group apart."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self.groups = tuple(self._timed(group) for group in groups)
        self.spent = {group.name: 0.0 for group in groups}  # ns in this batch
        self.per_unit: dict[str, list[float]] = {group.name: [] for group in groups}

    def _timed(self, group: Group) -> Group:
        kernel = group.update

        def update(*arguments: Any) -> None:
            began = time.thread_time_ns()
            kernel(*arguments)
            self.spent[group.name] += time.thread_time_ns() - began

        return replace(group, update=update)

    def end_batch(self, ticks: int, rows: int, counts: bool) -> None:
        for group in self.groups:
            units = ticks if group.stage is Stage.TICKS else rows
            if counts and units:
                self.per_unit[group.name].append(self.spent[group.name] / units)
            self.spent[group.name] = 0.0


def measure(
    settings: Settings,
    groups: Sequence[Group],
    n_symbols: int,
    batches: tuple[int, int] = (WARM_UP, MEASURED),
    on_batch: Callable[[int], bool] = lambda done: False,
) -> list[GroupCost]:
    """Time every group over 1 s bars of `n_symbols` symbols, and return the costs in the order of `groups`.

    `batches` are those before the clock runs and those that count. `on_batch` is told how many are done and may ask to
    stop; there must be one that counts by then. Columns that items drive run as with a feed that has no item.
    """
    watch = _Stopwatch(groups)
    engine = FeatureEngine(watch.groups, 1, (True,))
    done, wanted = 0, sum(batches)

    def step(batch: Batch) -> None:
        nonlocal done
        engine.grow(len(flow.universe.names))
        if batch.tick_inputs is not None:
            engine.step(batch.tick_inputs, batch.bars, feed=EVERY_FEED)
            watch.end_batch(len(batch.tick_inputs.time), len(batch.bars.time), counts=done >= batches[0])
            done += 1
        flow.pipeline.draining = on_batch(done) or done >= wanted

    market = SyntheticMarket(n_symbols, rate=RATE, duration_s=(wanted + 2) * CHUNK_SECONDS, faults=0.0)
    flow: Flow = assemble(_bare(settings, n_symbols), market, on_batch=step)
    try:
        flow.pipeline.run()
    finally:
        flow.close()
    return [GroupCost(g, statistics.median(watch.per_unit[g.name]), state_bytes(g), compiled(g)) for g in groups]


def state_bytes(group: Group, n_symbols: int = 1000) -> float:
    """Return the bytes of a group's own state a symbol and timeframe, at `n_symbols` symbols in one timeframe."""
    return sum(float(array.nbytes) for array in group.init(n_symbols, 1)) / n_symbols


def compiled(group: Group) -> str:
    """Say where this process has a group's kernel from: the cache, or compiled in this process."""
    stats = getattr(group.update, "stats", None)
    if stats is None or not stats.cache_path:
        return "not kept"
    return "compiled now" if sum(stats.cache_misses.values()) else "cached"


def _bare(settings: Settings, n_symbols: int) -> Settings:
    """Return settings of a flow that only makes bars: the measured groups are in an engine of their own."""
    return quiet(settings).model_copy(
        update={
            "features": settings.features.model_copy(update={"families": ("calendar",), "modules": ()}),
            "bars": settings.bars.model_copy(update={"timeframes": ("1s",), "calendar": "UTC"}),
            "universe": settings.universe.model_copy(update={"symbols": "auto", "cap": n_symbols, "leaders": ()}),
        }
    )
