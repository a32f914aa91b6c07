"""Law: the past doesn't see the future. Ticks and bars after a time are changed; every row before has the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from features.catalogue import Group
from schema.features import FeatureRows
from tests.laws.runs import CATALOGUE, Violations, differing, every_column, run
from tests.markets import Scene, scene

PRICES = ("open", "high", "low", "close", "bid", "ask", "mid", "price")
SIZES = ("volume", "size", "bid_size", "ask_size", "trades", "quotes")


def with_other_future(market: Scene, row: int) -> Scene:
    """Change all that comes after bar `row`'s time: prices up, sizes tripled, sides and scores turned."""
    tick, bar = int(market.bars.position[row - 1]), row
    changed = []
    for columns, first in ((market.ticks, tick), (market.bars, bar)):
        new = {field: column.copy() for field, column in columns._asdict().items()}
        for field, column in new.items():
            if field in PRICES:
                column[first:] *= 1.25
            elif field in SIZES:
                column[first:] *= 3
            elif field == "side":
                column[first:] *= -1
        changed.append(type(columns)(**new))
    ticks, bars = changed
    bars.notional[bar:] = bars.volume[bar:] * bars.close[bar:]
    after = market.items.ts_event >= market.bars.time[row - 1]
    items = market.items._replace(score=np.where(after, -market.items.score, market.items.score))
    return replace(market, ticks=ticks, bars=bars, items=items)


def violations(groups: Sequence[Group], market: Scene) -> Violations:
    truth, found = run(groups, market), {}
    starts = np.flatnonzero(np.diff(market.bars.time)) + 1
    for row in starts[np.linspace(10, len(starts) - 1, 4).astype(int)]:
        other = run(groups, with_other_future(market, row))
        found |= differing(groups, _first(truth, row), _first(other, row))
    return found


def _first(rows: FeatureRows, n: int) -> FeatureRows:
    return FeatureRows(rows.values[:n], rows.why[:n])


@cache
def broken() -> Violations:
    return violations(CATALOGUE, scene("cents"))


@every_column
def test_past_does_not_see_the_future(column: str) -> None:
    assert not (found := broken().get(column)), found
