"""Run the engine over test markets: whole, in cuts, in part. The laws compare what comes out.

`UNDERTONE_FEATURES__MODULES`, the setting, may name further modules, comma-separated, that register groups; they go
through the same laws, and the oracles of `a.b` stand in `a.b_oracle`. `LAWS_ONLY` may name groups: while one of them
is written, the others need not be compiled. `undertone features check` sets both.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import tests.oracles
from dataflows.kernel_cache import forget_stale_of
from features import families
from features.catalogue import Column, Group, Stage, registered
from features.engine import EVERY_FEED, FeatureEngine
from features.inputs import TickInputs
from ops.settings.fields import split_list
from schema.bars import Bars, take_bars
from schema.features import FeatureRows
from schema.items import Items
from tests.markets import Scene, scene

HARD = ("cents", "bitcoin", "fine", "dust")
BENIGN = ("benign", "every_tick")

MODULES = split_list(os.environ.get("UNDERTONE_FEATURES__MODULES", ""))
families.load(MODULES)
forget_stale_of(MODULES)
for _module in pkgutil.iter_modules(tests.oracles.__path__):
    importlib.import_module(f"{tests.oracles.__name__}.{_module.name}")
for _name in MODULES:
    if importlib.util.find_spec(f"{_name}_oracle"):
        importlib.import_module(f"{_name}_oracle")

ONLY = set(filter(None, os.environ.get("LAWS_ONLY", "").split(",")))
CATALOGUE: tuple[Group, ...] = tuple(group for group in registered() if not ONLY or group.name in ONLY)
COLUMNS: dict[str, Column] = {column.name: column for group in CATALOGUE for column in group.columns}
GROUP_OF: dict[str, Group] = {column.name: group for group in CATALOGUE for column in group.columns}

every_column = pytest.mark.parametrize("column", COLUMNS)
every_group = pytest.mark.parametrize("group", CATALOGUE, ids=lambda group: group.name)

Batch = tuple[TickInputs, Bars, Items]
Violations = dict[str, str]  # column -> what was found


def engine_for(groups: Sequence[Group], market: Scene, n_symbols: int | None = None) -> FeatureEngine:
    """Return an engine before the first tick of a market."""
    engine = FeatureEngine(groups, market.n_timeframes, market.by_time)
    engine.grow(n_symbols or market.n_symbols)
    return engine


def step(
    engine: FeatureEngine, ticks: TickInputs, bars: Bars, items: Items, leaders: tuple[int, ...] = (0, 1)
) -> FeatureRows:
    """Run one batch through all four stages; there is a feed of every kind of item."""
    rows, _ = engine.step(ticks, bars, items, EVERY_FEED, leaders)
    return rows


def run(groups: Sequence[Group], market: Scene, n_symbols: int | None = None) -> FeatureRows:
    """Run a whole market as one batch."""
    engine = engine_for(groups, market, n_symbols)
    return step(engine, market.ticks, market.bars, market.items, market.leaders)


@cache
def catalogue_rows(name: str) -> FeatureRows:
    """Return the catalogue's rows of a named market, computed in one batch."""
    return run(CATALOGUE, scene(name))


def cuts(market: Scene, rng: np.random.Generator, sizes: tuple[int, ...]) -> Iterator[Batch]:
    """Cut a market into batches of about the given sizes, chosen at random.

    Rows of one (time, timeframe) stay together; a close at a batch's edge falls to either side. Items come with the
    first close after them.
    """
    bars, n_ticks = market.bars, len(market.ticks.time)
    tick = row = item = 0
    while tick < n_ticks or row < len(bars.time):
        end = min(n_ticks, tick + int(rng.choice(sizes)))
        last = int(np.searchsorted(bars.position, end, "right" if end == n_ticks or rng.random() < 0.5 else "left"))
        last = max(row, _whole_bar_times(bars, last))
        part = take_bars(bars, slice(row, last))
        published = int(np.searchsorted(market.items.ts_event, part.time[-1])) if last > row else item
        yield (
            TickInputs(*(column[tick:end] for column in market.ticks)),
            part._replace(position=part.position - tick),
            Items(*(column[item:published] for column in market.items)),
        )
        tick, row, item = end, last, published


def _whole_bar_times(bars: Bars, last: int) -> int:
    while 0 < last < len(bars.time) and (bars.time[last], bars.timeframe[last]) == (
        bars.time[last - 1],
        bars.timeframe[last - 1],
    ):
        last -= 1
    return last


def joined(parts: Sequence[FeatureRows]) -> FeatureRows:
    return FeatureRows(np.concatenate([part.values for part in parts]), np.concatenate([part.why for part in parts]))


def of_symbols(market: Scene, symbols: Sequence[int]) -> tuple[Scene, np.ndarray]:
    """Return the market of some symbols only, and the rows that it keeps."""
    keep, rows = np.isin(market.ticks.symbol, symbols), np.flatnonzero(np.isin(market.bars.symbol, symbols))
    before = np.concatenate(([0], np.cumsum(keep)))
    bars = take_bars(market.bars, rows)
    bars = bars._replace(position=before[bars.position])
    ticks = TickInputs(*(column[keep] for column in market.ticks))
    own = np.isin(market.items.symbol, symbols)
    return replace(market, ticks=ticks, bars=bars, items=Items(*(column[own] for column in market.items))), rows


def same_bits(a: FeatureRows, b: FeatureRows) -> np.ndarray:
    """Say of each cell whether value and validity are the same; one NaN is as good as another."""
    bits = a.values.view(np.int64) == b.values.view(np.int64)
    return (bits | (np.isnan(a.values) & np.isnan(b.values))) & (a.why == b.why)


def differing(
    groups: Sequence[Group],
    a: FeatureRows,
    b: FeatureRows,
    wanted: Callable[[Group], bool] = lambda group: True,
) -> Violations:
    """Name each column that differs in a bit, with the first row and both values."""
    same = same_bits(a, b)
    found = {}
    pairs = [(group, column) for group in groups for column in group.columns]
    for at, (group, column) in enumerate(pairs):
        if wanted(group) and not same[:, at].all():
            rows = np.flatnonzero(~same[:, at])
            k = rows[0]
            found[column.name] = (
                f"{len(rows)} of {len(same)} rows differ; row {k} is {a.values[k, at]!r} (why {a.why[k, at]}) "
                f"against {b.values[k, at]!r} (why {b.why[k, at]})"
            )
    return found


def single_symbol(group: Group) -> bool:
    return group.stage is not Stage.CROSS
