"""Law: any split into micro-batches, with snapshot, restore and growth between, gives the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from features.catalogue import Group
from features.engine import FeatureEngine
from schema.features import FeatureRows
from tests.laws.runs import CATALOGUE, Violations, cuts, differing, every_column, joined, run, step
from tests.markets import Scene, scene

SIZES = {"small": (0, 1, 2, 40, 100), "large": (300, 900, 2_000, 4_000)}


def run_in_cuts(groups: Sequence[Group], market: Scene, seed: int, sizes: tuple[int, ...]) -> FeatureRows:
    """Run a market in random cuts, each on a new engine that took over a snapshot and grows as symbols appear."""
    engine, parts = FeatureEngine(groups, market.n_timeframes, market.by_time), []
    for ticks, bars, items in cuts(market, np.random.default_rng(seed), sizes):
        snapshot, engine = engine.snapshot(), FeatureEngine(groups, market.n_timeframes, market.by_time)
        engine.restore(snapshot)
        engine.grow(1 + max(column.max(initial=0) for column in (ticks.symbol, bars.symbol, items.symbol)))
        parts.append(step(engine, ticks, bars, items))
    return joined(parts)


def violations(groups: Sequence[Group], market: Scene, sizes: tuple[int, ...]) -> Violations:
    whole, found = run(groups, market), {}
    for seed in (1, 2):
        found |= differing(groups, whole, run_in_cuts(groups, market, seed, sizes))
    return found


@cache
def broken(name: str, sizes: str) -> Violations:
    return violations(CATALOGUE, scene(name), SIZES[sizes])


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("market", ["cents", "every_tick"])
@every_column
def test_micro_batches_do_not_matter(column: str, market: str, sizes: str) -> None:
    assert not (found := broken(market, sizes).get(column)), found
