"""Law: columns of the clock and of items equal their oracle on other dates too: sessions that pass midnight, one into a
leap day; a day of expiry in a leap year that 400 divides."""

from __future__ import annotations

from functools import cache

import pytest

from features.catalogue import Family
from schema.features import FeatureRows
from tests.laws.runs import CATALOGUE, run
from tests.laws.test_oracles import misses
from tests.markets import market, scene
from tests.oracles.registry import ORACLES

GROUPS = [group for group in CATALOGUE if group.family in (Family.CALENDAR, Family.SENTIMENT)]
COLUMNS = [column.name for group in GROUPS for column in group.columns]


@cache
def rows(name: str) -> FeatureRows:
    return run(GROUPS, scene(name))


@pytest.mark.parametrize("name", ["midnight", "expiry"])
@pytest.mark.parametrize("column", COLUMNS)
def test_column_equals_its_oracle_on_other_dates(column: str, name: str) -> None:
    oracle, found = ORACLES[column], rows(name).values[:, COLUMNS.index(column)]
    expected, bound = oracle.expected(column, market(name)), oracle.bound(column, market(name))
    wrong = misses(found, expected, bound)
    assert not len(wrong), f"{len(wrong)} rows miss; {wrong[0]} is {found[wrong[0]]!r}, expected {expected[wrong[0]]!r}"
