"""Laws: single-symbol columns don't see other symbols; no column sees where in the state a symbol lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from features.catalogue import Group
from schema.features import FeatureRows
from tests.laws.runs import CATALOGUE, Violations, differing, every_column, of_symbols, run, single_symbol
from tests.markets import Scene, scene

PLACES = np.array([6, 2, 8, 0, 3], np.int32)  # where the symbols go, in a universe of nine


def seen_others(groups: Sequence[Group], market: Scene) -> Violations:
    together, found = run(groups, market), {}
    for symbol in range(market.n_symbols):
        alone, rows = of_symbols(market, [symbol])
        part = FeatureRows(together.values[rows], together.why[rows])
        found |= differing(groups, part, run(groups, alone), single_symbol)
    return found


def seen_places(groups: Sequence[Group], market: Scene) -> Violations:
    moved = replace(
        market,
        ticks=market.ticks._replace(symbol=PLACES[market.ticks.symbol]),
        bars=market.bars._replace(symbol=PLACES[market.bars.symbol]),
        items=market.items._replace(symbol=PLACES[market.items.symbol]),
        n_symbols=9,
        leaders=tuple(PLACES[list(market.leaders)].tolist()),
    )
    return differing(groups, run(groups, market), run(groups, moved))


@cache
def broken(law: str) -> Violations:
    return {"others": seen_others, "places": seen_places}[law](CATALOGUE, scene("cents"))


@every_column
def test_single_symbol_columns_do_not_see_other_symbols(column: str) -> None:
    assert not (found := broken("others").get(column)), found


@every_column
def test_the_place_of_a_symbol_does_not_matter(column: str) -> None:
    assert not (found := broken("places").get(column)), found
