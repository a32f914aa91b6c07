"""Laws of tick-driven columns beside those of the whole catalogue: reads change nothing, absence is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.catalogue import Driver, Group, Stage
from schema.bars import take_bars
from schema.features import FeatureRows
from schema.reasons import Why
from tests.laws.runs import CATALOGUE, differing, run
from tests.markets import QUOTES_ONLY, TRADES_ONLY, Scene, scene

TICK_GROUPS = [group for group in CATALOGUE if group.stage is Stage.TICKS]
every_tick_group = pytest.mark.parametrize("group", TICK_GROUPS, ids=lambda group: group.name)


def without_timeframe(market: Scene, timeframe: int) -> tuple[Scene, np.ndarray]:
    """Return the market as if nobody had asked at one timeframe's closes, and the rows that stay."""
    rows = np.flatnonzero(market.bars.timeframe != timeframe)
    return replace(market, bars=take_bars(market.bars, rows)), rows


@every_tick_group
@pytest.mark.parametrize("timeframe", [0, 1])
def test_a_read_changes_nothing_for_later_ticks(group: Group, timeframe: int) -> None:
    whole = run([group], scene("cents"))
    market, rows = without_timeframe(scene("cents"), timeframe)
    assert not differing([group], FeatureRows(whole.values[rows], whole.why[rows]), run([group], market))


@every_tick_group
@pytest.mark.parametrize(
    ("symbol", "reason", "driver", "fields"),
    [
        (TRADES_ONLY, Why.NO_QUOTES, Driver.QUOTE, {"bid", "ask", "bid_size", "ask_size"}),
        (QUOTES_ONLY, Why.NO_TRADES, Driver.TRADE, {"price", "size", "side"}),
    ],
)
def test_without_quotes_or_trades_the_reason_says_so(
    group: Group, symbol: int, reason: Why, driver: Driver, fields: set[str]
) -> None:
    market = scene("cents")
    own = market.bars.symbol == symbol
    why, n = run([group], market).why[own], market.market().bars.n[own]
    for at, column in enumerate(group.columns):
        needed = column.driver is driver or bool(fields & set(column.inputs))
        found = why[n >= (column.warm_up if column.driver is Driver.BAR else 1), at]  # windows of bars fill up first
        assert (found == reason).all() if needed else not (found == reason).any(), column.name
