"""Law: the first valid value comes exactly with the `warm_up`-th eligible input of the column's driver."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from features.catalogue import Column, Driver, Group
from schema.bars import BarFlag
from schema.items import KINDS
from schema.ticks import QUOTE, TRADE
from tests.laws.runs import CATALOGUE, Violations, every_column, run
from tests.markets import SECOND, Scene, scene

# A close after each tick, two sessions; else 1 s and 2 s bars of one.
MARKET = {Driver.TRADE: "every_tick", Driver.QUOTE: "every_tick", Driver.SESSION: "days"}


def inputs_before(market: Scene, column: Column) -> np.ndarray:
    """Count at each row the inputs of the column's driver that its series has had; items of the kinds it reads."""
    driver = column.driver
    bars, counts = market.bars, np.zeros(len(market.bars.time))
    for symbol, timeframe in set(zip(bars.symbol.tolist(), bars.timeframe.tolist())):
        rows = np.flatnonzero((bars.symbol == symbol) & (bars.timeframe == timeframe))
        own = market.ticks.symbol == symbol
        if driver is Driver.BAR:
            counts[rows] = np.arange(1, len(rows) + 1)
        elif driver is Driver.SESSION:
            counts[rows] = np.cumsum(bars.flags[rows] & BarFlag.SESSION_FIRST != 0)
        elif driver is Driver.ITEM:
            wanted = np.isin(market.items.kind, [KINDS[kind] for kind in KINDS if kind in column.inputs])
            wanted &= market.items.symbol == symbol
            counts[rows] = np.searchsorted(market.items.ts_event[wanted], bars.time[rows])
        elif driver is Driver.SECOND:
            counts[rows] = (bars.time[rows] - market.ticks.time[own][0]) / SECOND
        else:
            wanted = own & (market.ticks.kind == {Driver.TRADE: TRADE, Driver.QUOTE: QUOTE}[driver])
            counts[rows] = np.concatenate(([0], np.cumsum(wanted)))[bars.position[rows]]
    return counts


def fault(column: Column, values: np.ndarray, market: Scene) -> str:
    """Say where a column became valid too early, too late or never; "" if it keeps the law."""
    seen = inputs_before(market, column)
    series = market.bars.symbol * market.n_timeframes + market.bars.timeframe
    if not (seen == max(column.warm_up, 1)).any():
        return f"the market has no row with exactly {column.warm_up} {column.driver}s: it can't tell"
    for i in np.unique(series):
        rows = np.flatnonzero(series == i)
        valid, due = ~np.isnan(values[rows]), seen[rows] >= column.warm_up
        if valid.any() and due.any() and valid.argmax() == due.argmax():
            continue
        when = f"with input {seen[rows][valid.argmax()]:g}" if valid.any() else "never"
        return f"series {i} is valid first {when}, expected with {column.driver} {column.warm_up}"
    return ""


def violations(groups: Sequence[Group]) -> Violations:
    found = {}
    columns = [column for group in groups for column in group.columns]
    names = {MARKET.get(column.driver, "benign") for column in columns}
    rows = {name: run(groups, scene(name)) for name in names}
    for at, column in enumerate(columns):
        name = MARKET.get(column.driver, "benign")
        if message := fault(column, rows[name].values[:, at], scene(name)):
            found[column.name] = message
    return found


@cache
def broken() -> Violations:
    return violations(CATALOGUE)


@every_column
def test_first_valid_value_comes_with_the_warm_up(column: str) -> None:
    assert not (found := broken().get(column)), found
