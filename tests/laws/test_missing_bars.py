"""Law: columns that compare symbols equal their oracle, and are as valid as they say, where bars are missing: symbols
leave, come back and stay away, and at one bar time a symbol is alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from features.catalogue import Stage
from schema.bars import take_bars
from schema.features import FeatureRows
from schema.reasons import UNDEFINED_MASK
from tests.laws.runs import CATALOGUE, COLUMNS, run
from tests.laws.test_oracles import misses
from tests.markets import SECOND, Scene, scene
from tests.oracles.registry import ORACLES

GROUPS = [group for group in CATALOGUE if group.stage is Stage.CROSS]
NAMES = [column.name for group in GROUPS for column in group.columns]
# Their products of returns outlive a symbol that leaves, by a window; the oracle knows the rows that are there.
OUTLIVING = ("average_correlation_64", "absorption_64", "first_factor_loading_64")


@cache
def with_gaps() -> Scene:
    """Return the market `cents` without some bars."""
    market, rng = scene("cents"), np.random.default_rng(5)
    bars = market.bars
    second = (bars.time - bars.time[0]) // SECOND
    away = (bars.symbol == 0) & (second >= 150) & (second < 160)
    away |= (bars.symbol == 3) & (second >= 100) & (second % 90 == 0)
    away |= (bars.symbol == 4) & (second > 280)
    away |= (bars.symbol > 0) & (second == 200)
    away |= (bars.symbol == 2) & (rng.random(len(second)) < 0.002)
    return replace(market, bars=take_bars(bars, np.flatnonzero(~away)))


@cache
def rows_with_gaps() -> FeatureRows:
    return run(GROUPS, with_gaps())


@pytest.mark.parametrize("column", [name for name in NAMES if name not in OUTLIVING])
def test_column_equals_its_oracle_where_bars_are_missing(column: str) -> None:
    market, found = with_gaps().market(), rows_with_gaps().values[:, NAMES.index(column)]
    expected, bound = ORACLES[column].expected(column, market), ORACLES[column].bound(column, market)
    assert np.isfinite(expected).sum() > 500
    assert not len(wrong := misses(found, expected, bound)), (wrong[0], found[wrong[0]], expected[wrong[0]])


@pytest.mark.parametrize("column", NAMES)
def test_values_stay_in_range_where_bars_are_missing(column: str) -> None:
    at = NAMES.index(column)
    values, why = rows_with_gaps().values[:, at], rows_with_gaps().why[:, at]
    low, high = COLUMNS[column].range
    assert np.array_equal(np.isnan(values), why & UNDEFINED_MASK != 0)
    assert np.nanmin(values) >= low
    assert np.nanmax(values) <= high
