"""Law: every column equals its oracle, |x - oracle| <= 1e-9 |oracle| + the bound its condition allows, and is
undefined exactly where the oracle is. Near-ties of branching columns are shown by the message, not tolerated."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.laws.runs import COLUMNS, HARD, catalogue_rows, every_column
from tests.markets import market
from tests.oracles.registry import ORACLES

RELATIVE = 1e-9


@cache
def position(column: str) -> int:
    return list(COLUMNS).index(column)


def misses(found: np.ndarray, expected: np.ndarray, bound: np.ndarray | float) -> np.ndarray:
    """Return the rows where two results are not the same within the law."""
    apart = ~(np.abs(found - expected) <= RELATIVE * np.abs(expected) + bound)
    return np.flatnonzero(np.where(np.isnan(found) | np.isnan(expected), np.isnan(found) != np.isnan(expected), apart))


@pytest.mark.parametrize("name", HARD)
@every_column
def test_column_equals_its_oracle(column: str, name: str) -> None:
    oracle = ORACLES[column]
    found = catalogue_rows(name).values[:, position(column)]
    expected, bound = oracle.expected(column, market(name)), oracle.bound(column, market(name))
    assert np.isfinite(expected).any(), "the oracle is undefined everywhere: it compares nothing"
    rows = misses(found, expected, bound)
    assert not len(rows), (
        f"{len(rows)} of {len(found)} rows miss (ties: {COLUMNS[column].ties}); row {rows[0]} is {found[rows[0]]!r}, "
        f"expected {expected[rows[0]]!r}; worst {np.nanmax(np.abs(found - expected), initial=0):.3g}"
    )
