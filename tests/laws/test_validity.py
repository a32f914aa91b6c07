"""Laws: a value is NaN exactly where its validity says so; it lies in the declared range; NaN never enters a state."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from features.catalogue import Group
from features.engine import FeatureEngine
from features.row_buffers import NOT_WRITTEN
from schema.features import FeatureRows
from schema.reasons import UNDEFINED_MASK
from tests.laws.runs import (
    BENIGN,
    CATALOGUE,
    COLUMNS,
    HARD,
    catalogue_rows,
    engine_for,
    every_column,
    every_group,
    step,
)
from tests.laws.test_oracles import position
from tests.markets import scene

EVERYWHERE = pytest.mark.parametrize("market", HARD + BENIGN)


def of_column(market: str, column: str) -> tuple[np.ndarray, np.ndarray]:
    rows: FeatureRows = catalogue_rows(market)
    return rows.values[:, position(column)], rows.why[:, position(column)]


@EVERYWHERE
@every_column
def test_nan_exactly_where_validity_says_undefined(column: str, market: str) -> None:
    values, why = of_column(market, column)
    assert not (why == NOT_WRITTEN).any(), f"row {(why == NOT_WRITTEN).argmax()} was not written"
    wrong = np.flatnonzero(np.isnan(values) != (why & UNDEFINED_MASK != 0))
    assert not len(wrong), f"{len(wrong)} rows; row {wrong[0]} is {values[wrong[0]]!r} with why {why[wrong[0]]}"


@EVERYWHERE
@every_column
def test_values_lie_in_the_declared_range(column: str, market: str) -> None:
    values, _ = of_column(market, column)
    low, high = COLUMNS[column].range
    valid = values[~np.isnan(values)]
    assert np.isfinite(valid).all()
    assert valid.min(initial=high) >= low
    assert valid.max(initial=low) <= high


@cache
def after(market: str) -> FeatureEngine:
    engine = engine_for(CATALOGUE, scene(market))
    step(engine, scene(market).ticks, scene(market).bars, scene(market).items)
    return engine


@pytest.mark.parametrize("market", HARD)
@every_group
def test_nan_never_enters_a_state(group: Group, market: str) -> None:
    for field, array in after(market).snapshot()["state"][group.name].items():
        assert not np.isnan(array).any(), f"{field} at {np.argwhere(np.isnan(array))[0]}"
