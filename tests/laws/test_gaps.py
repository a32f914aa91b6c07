"""Law: a bar that lost messages makes every column that looks back on it undefined, for the reason GAP, as long as the
bar is in its window; what remembers for ever says NOT_CONVERGED; every other cell keeps its bits."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from features.catalogue import Column, Driver
from features.gaps import CLOCK
from schema.bars import BarFlag
from schema.features import FeatureRows
from schema.reasons import UNDEFINED_MASK, Why
from tests.laws.runs import CATALOGUE, COLUMNS, every_column, run
from tests.laws.test_oracles import position
from tests.markets import Scene, scene

LOST = 400  # the bar of the series that lost messages, counted from 0


@cache
def with_gap() -> tuple[Scene, np.ndarray]:
    """Return the benign market with one marked bar, and for each row the bars of its series since it (-1 elsewhere)."""
    market = scene("benign")
    series = market.bars.symbol * market.n_timeframes + market.bars.timeframe
    since = np.full(len(series), -1)
    own = np.flatnonzero(series == 0)
    since[own[LOST:]] = np.arange(len(own) - LOST)
    flags = market.bars.flags.copy()
    flags[own[LOST]] |= np.uint16(BarFlag.GAP)
    return replace(market, bars=market.bars._replace(flags=flags)), since


@cache
def rows_without_and_with() -> tuple[FeatureRows, FeatureRows]:
    return run(CATALOGUE, scene("benign")), run(CATALOGUE, with_gap()[0])


def expected_window(column: Column) -> int:
    if column.driver is Driver.ITEM or set(column.inputs) <= CLOCK or not column.window:
        return 0
    return column.window if column.driver is Driver.BAR else 1


@every_column
def test_a_gap_masks_its_window_and_nothing_else(column: str) -> None:
    before, after = rows_without_and_with()
    since, at = with_gap()[1], position(column)
    inside = (since >= 0) & (since < expected_window(COLUMNS[column]))
    assert np.isnan(after.values[inside, at]).all()
    assert (after.why[inside, at] & Why.GAP != 0).all()
    bits = before.values[~inside, at].view(np.int64) == after.values[~inside, at].view(np.int64)
    assert (bits | np.isnan(before.values[~inside, at]) & np.isnan(after.values[~inside, at])).all()
    assert (before.why[~inside, at] & UNDEFINED_MASK == after.why[~inside, at] & UNDEFINED_MASK).all()


@every_column
def test_what_remembers_for_ever_says_that_it_has_not_converged(column: str) -> None:
    row = COLUMNS[column]
    since, at = with_gap()[1], position(column)
    after = rows_without_and_with()[1]
    first = np.flatnonzero(since == 0)[0]
    remembers = not row.window and row.driver is not Driver.ITEM and not set(row.inputs) <= CLOCK
    defined = not np.isnan(after.values[first, at])
    if remembers and defined:
        assert after.why[first, at] & Why.NOT_CONVERGED
