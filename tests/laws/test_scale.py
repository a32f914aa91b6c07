"""Law: prices or sizes times 2^k give the same bits times 2^(k degree); times 3.7 the same within tolerance.

The odd factor is 3.7 to the nearest 1/256, tried on prices that are multiples of 2^-20 rather than of a tick: the
products are exact, so that it neither rounds the inputs nor turns equal differences into unequal ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from features.catalogue import Column, Group
from schema.features import FeatureRows
from tests.laws.runs import CATALOGUE, Violations, differing, every_column, run
from tests.laws.test_oracles import misses
from tests.markets import Scene, scene
from tests.oracles.registry import ORACLES

FIELDS = {
    "price": ("open", "high", "low", "close", "notional", "bid", "ask", "mid", "price"),
    "size": ("volume", "notional", "size", "bid_size", "ask_size"),
}
POWERS = (2.0**5, 2.0**-9)
ODD = 947 / 256


def scaled(market: Scene, what: str, factor: float) -> Scene:
    """Return the market with prices or sizes times a factor."""
    parts = []
    for columns in (market.ticks, market.bars):
        parts.append(
            columns._replace(
                **{field: getattr(columns, field) * factor for field in FIELDS[what] if hasattr(columns, field)}
            )
        )
    ticks, bars = parts
    return replace(market, ticks=ticks, bars=bars)


def degree(column: Column, what: str) -> int:
    return column.degree_price if what == "price" else column.degree_size


def factors(groups: Sequence[Group], what: str, factor: float) -> np.ndarray:
    return np.array([factor ** degree(column, what) for group in groups for column in group.columns])


def other_bits(groups: Sequence[Group], market: Scene, what: str) -> Violations:
    """Name the columns whose bits change by more than the declared degree under powers of two."""
    truth, found = run(groups, market), {}
    for power in POWERS:
        expected = FeatureRows(truth.values * factors(groups, what, power), truth.why)
        found |= differing(groups, expected, run(groups, scaled(market, what, power)))
    return found


def off_tolerance(groups: Sequence[Group], market: Scene, what: str) -> Violations:
    """Name the columns that miss their declared degree under an odd factor."""
    other, found = scaled(market, what, ODD), {}
    other_market = other.market()
    expected, values = run(groups, market).values * factors(groups, what, ODD), run(groups, other).values
    for at, column in enumerate(column for group in groups for column in group.columns):
        bound = ORACLES[column.name].bound(column.name, other_market) if column.name in ORACLES else 0.0
        if len(rows := misses(values[:, at], expected[:, at], bound)):
            k = rows[0]
            found[column.name] = f"{len(rows)} rows, the first {k}: {values[k, at]!r}, expected {expected[k, at]!r}"
    return found


@cache
def broken(law: str, what: str) -> Violations:
    check, market = {"bits": (other_bits, "cents"), "tolerance": (off_tolerance, "off_grid")}[law]
    return check(CATALOGUE, scene(market), what)


@pytest.mark.parametrize("what", FIELDS)
@every_column
def test_powers_of_two_keep_the_bits(column: str, what: str) -> None:
    assert not (found := broken("bits", what).get(column)), found


@pytest.mark.parametrize("what", FIELDS)
@every_column
def test_any_factor_keeps_the_degree(column: str, what: str) -> None:
    assert not (found := broken("tolerance", what).get(column)), found
