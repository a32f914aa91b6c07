"""Law: only columns that say so branch on equality. Every price moves by a few of its last bits, by chance up or down;
a column without declared ties then neither jumps nor changes its validity. The near-ties of the others are counted
and shown at the end of the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from features.catalogue import Group
from tests.laws.runs import CATALOGUE, COLUMNS, HARD, every_column, run
from tests.markets import Scene, scene

LAST_BITS = 2.0**-50  # relative
JUMP = 1e-3  # of the column's span: what last bits can't do but a branch can


def shaken(market: Scene) -> Scene:
    """Move each price by ± LAST_BITS, so that no two stay equal; bars stay sound (low <= open, close <= high)."""
    rng = np.random.default_rng(1)

    def moved(prices: np.ndarray) -> np.ndarray:
        return prices * (1 + LAST_BITS * rng.choice([-1, 1], len(prices)))

    ticks = market.ticks._replace(**{field: moved(getattr(market.ticks, field)) for field in ("price", "bid", "ask")})
    prices = {field: moved(getattr(market.bars, field)) for field in ("open", "close", "bid", "ask")}
    bars = market.bars._replace(**prices, mid=(prices["bid"] + prices["ask"]) / 2)
    bars = bars._replace(
        high=np.maximum(np.maximum(bars.open, bars.close), bars.high),
        low=np.minimum(np.minimum(bars.open, bars.close), bars.low),
    )
    return replace(market, ticks=ticks, bars=bars)


def near_ties(groups: Sequence[Group], market: Scene) -> dict[str, int]:
    """Count the rows of each column that jump or change validity when last bits move."""
    still, moved = run(groups, market).values, run(groups, shaken(market)).values
    counts = {}
    for at, column in enumerate(column for group in groups for column in group.columns):
        x, y = still[:, at], moved[:, at]
        valid = x[~np.isnan(x)]
        span = valid.max(initial=-np.inf) - valid.min(initial=np.inf)
        counts[column.name] = int(((np.isnan(x) != np.isnan(y)) | (np.abs(x - y) > JUMP * span)).sum())
    return counts


@cache
def counted(market: str) -> dict[str, int]:
    return near_ties(CATALOGUE, scene(market))


@pytest.mark.parametrize("market", HARD)
@every_column
def test_only_declared_ties_branch_on_last_bits(
    column: str, market: str, record_property: Callable[[str, object], None]
) -> None:
    count = counted(market)[column]
    if COLUMNS[column].ties == "none":
        assert not count, f"{count} rows jump when prices move in their last bits; declare or cure the ties"
    elif count:
        record_property("near-ties", f"{column}: {count} of {len(scene(market).bars.time)} rows ({market})")
