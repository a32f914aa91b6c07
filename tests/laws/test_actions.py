"""Law: after a split or dividend every column, and every bar, is to the bit what it would be had the earlier prices
and sizes been in the new units from the beginning. Ratios are powers of two, so that no product rounds.

The market runs through the stations that live runs: ticks and events to bars, bars to rows, in any batches.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from dataflows.batch import Batch
from dataflows.stations.bars import BarStation
from dataflows.universe import Universe
from features.engine import EVERY_FEED
from features.sessions import Sessions
from schema.bars import Bars, concat_bars
from schema.events import Event, EventKind
from schema.features import FeatureRows
from schema.ticks import Ticks, take, ticks_of
from schema.timeframes import parse_timeframes
from tests.laws.runs import CATALOGUE, ONLY, Violations, differing, engine_for, every_column, joined
from tests.markets import DAY, FIRST_OPEN, SECOND, scene

ONE = 0  # the symbol that is split
AT = FIRST_OPEN + 150 * SECOND + SECOND // 3  # inside bars of both timeframes
NAMES = ["A", "B", "C", "D", "E"]
KINDS = {EventKind.SPLIT: 4.0, EventKind.DIVIDEND: 2.0}
_BEGINS = FIRST_OPEN + np.array([0, DAY]) - 20 * SECOND
SESSIONS = Sessions(
    start=_BEGINS, open=_BEGINS + 20 * SECOND, close=_BEGINS + 290 * SECOND, end=_BEGINS + 310 * SECOND,
    week_end=_BEGINS[[1, 1]] + 310 * SECOND, month_end=_BEGINS[[1, 1]] + 310 * SECOND,
)  # fmt: skip
CUT = (AT - 40 * SECOND, AT - 1, AT, AT + 1, AT + 7 * SECOND)  # ends of batches


def ticks_in_units(ratio: float, since: int) -> Ticks:
    """The market `cents`, symbol ONE in the units of a split of `ratio` from the time `since` on."""
    given = scene("cents").ticks
    factor = np.where((given.symbol == ONE) & (given.time >= since), ratio, 1.0)
    prices = {name: getattr(given, name) / factor for name in ("price", "bid", "ask")}
    sizes = {name: getattr(given, name) * factor for name in ("size", "bid_size", "ask_size")}
    n = len(factor)
    return ticks_of(
        n, ts_event=given.time, symbol=given.symbol, kind=given.kind, side=given.side, offset=np.arange(n),
        **prices, **sizes,
    )  # fmt: skip


def event_of(kind: EventKind) -> Event:
    """The event whose ratio is that of KINDS: a dividend of half the last price."""
    if kind is EventKind.SPLIT:
        return Event(AT, kind, NAMES[ONE], details={"ratio": 4})
    given = scene("cents").ticks
    before = (given.symbol == ONE) & (given.time < AT) & np.isfinite(given.price)
    return Event(AT, kind, NAMES[ONE], details={"amount": float(given.price[before][-1]) / 2})


def walked(ticks: Ticks, events: list[Event], ends: tuple[int, ...]) -> tuple[Bars, FeatureRows]:
    """Run ticks and events in batches that end at the given watermarks, with a restart between all of them."""
    market = scene("cents")
    last = int(ticks.ts_event[-1]) + 10 * SECOND
    state: dict[str, Any] = {}
    bars, rows, begin = [], [], 0
    for number, end in enumerate([*ends, last], 1):
        station = BarStation(Universe(NAMES), parse_timeframes(["1s", "2s"]), SESSIONS, 0.1, lambda: 0)
        engine = engine_for(CATALOGUE, market)
        if state:
            station.restore(state["bars"])
            engine.restore(state["engine"])
        inside = (ticks.ts_event >= begin) & (ticks.ts_event < end)
        batch = Batch(number, ticks=take(ticks, inside), watermark=end)
        batch.events = [event for event in events if begin <= event.ts_event < end]
        batch = station.step(batch)
        assert batch.tick_inputs is not None
        made, _ = engine.step(batch.tick_inputs, batch.bars, feed=EVERY_FEED, leaders=market.leaders)
        bars.append(batch.bars)
        rows.append(FeatureRows(made.values.copy(), made.why.copy()))
        state, begin = {"bars": station.snapshot(), "engine": engine.snapshot()}, end
    return concat_bars(bars), joined(rows)


@cache
def always(ratio: float) -> tuple[Bars, FeatureRows]:
    """The market with symbol ONE in the new units from the beginning."""
    return walked(ticks_in_units(ratio, 0), [], ())


@cache
def with_event(kind: EventKind, ends: tuple[int, ...]) -> tuple[Bars, FeatureRows]:
    """The market with the event."""
    return walked(ticks_in_units(KINDS[kind], AT), [event_of(kind)], ends)


@cache
def runs(kind: EventKind, ends: tuple[int, ...]) -> tuple[Bars, Bars, Violations]:
    """Return the bars with the event and those always in the new units, behind the event, and differing columns."""
    (bars, rows), (truth_bars, truth) = with_event(kind, ends), always(KINDS[kind])
    after = bars.time > AT
    rows, truth = (FeatureRows(part.values[after], part.why[after]) for part in (rows, truth))
    behind, expected = (Bars._make(column[after] for column in part) for part in (bars, truth_bars))
    return behind, expected, differing(CATALOGUE, truth, rows)


@pytest.mark.parametrize("kind", KINDS)
@every_column
def test_columns_are_rescaled(column: str, kind: EventKind) -> None:
    assert not (found := runs(kind, ())[2].get(column)), found


@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_rescaled_however_batches_are_cut(kind: EventKind) -> None:
    assert not runs(kind, CUT)[2]


@pytest.mark.parametrize("ends", [(), CUT], ids=["whole", "cut"])
@pytest.mark.parametrize("kind", KINDS)
def test_bars_are_rescaled(kind: EventKind, ends: tuple[int, ...]) -> None:
    behind, expected, _ = runs(kind, ends)
    for name, found, truth in zip(Bars._fields, behind, expected):
        if name not in ("basis", "position"):
            np.testing.assert_array_equal(found, truth, name)
    assert set(behind.basis[behind.symbol == ONE]) == {KINDS[kind]} and set(behind.basis[behind.symbol != ONE]) == {1.0}


def test_nothing_changes_before_it() -> None:
    split, none = with_event(EventKind.SPLIT, ()), always(1.0)
    before = split[0].time <= AT
    assert before.any() and not before.all()
    rows = [FeatureRows(part.values[before], part.why[before]) for _, part in (split, none)]
    assert not differing(CATALOGUE, *rows)
    for found, truth in zip(split[0], none[0]):
        np.testing.assert_array_equal(found[before], truth[before])


@pytest.mark.skipif(bool(ONLY), reason="LAWS_ONLY names some groups")
def test_the_law_sees_an_event_that_is_not_applied() -> None:
    bars, rows = walked(ticks_in_units(4.0, AT), [], ())
    _, truth = always(4.0)
    after = bars.time > AT
    found = differing(CATALOGUE, *(FeatureRows(part.values[after], part.why[after]) for part in (truth, rows)))
    assert len(found) > 0.3 * sum(len(group.columns) for group in CATALOGUE)
