"""The order station: what it refuses, what it remembers, what it says."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest

from dataflows.batch import Arrivals, Batch
from dataflows.stations.order import Order
from dataflows.universe import Universe
from features import verdicts
from features.arrays import as_snapshot
from features.sessions import utc_sessions
from schema.events import Event, EventKind
from schema.reasons import Dead
from schema.ticks import TRADE, Ticks, count, take, ticks_of

SECOND = 1_000_000_000
START = 1_381_190_400 * SECOND


def order() -> Order:
    return Order(Universe(["A", "B"]), utc_sessions(2013, 2013), n_lanes=1, bound_ns=SECOND)


def trades(first: int, prices: list[float], **columns: object) -> Ticks:
    n = len(prices)
    rows = np.arange(first, first + n)
    columns.setdefault("ts_event", START + rows * SECOND)
    return ticks_of(n, offset=rows, symbol=0, kind=TRADE, price=prices, size=1.0, **columns)


def stepped(station: Order, ticks: Ticks, number: int = 1, last: bool = False) -> Batch:
    return station.step(Batch(number, ticks=ticks, last=last))


def test_a_refused_tick_says_where_what_and_what_was_expected() -> None:
    batch = stepped(order(), trades(0, [100.0, 1000.0, 100.5]), last=True)
    (letter,) = batch.dead
    assert (letter.reason, letter.symbol, letter.offset) == (Dead.OUTLIER, "A", 1)
    assert letter.found == "trade 1000 x 1"
    assert "0.25 in log price" in letter.expected
    assert "order.outlier_bound" in letter.expected
    assert batch.ticks.offset.tolist() == [0, 2]


def test_the_level_of_a_symbol_is_part_of_the_state() -> None:
    station = order()
    stepped(station, trades(0, [100.0, 100.0, 100.0]))
    whole = copy.deepcopy(station.snapshot())
    bare = copy.deepcopy(whole)
    bare["state"] = as_snapshot(verdicts.init(2))
    bare["buffer"]["waiting"] = ticks_of(0)._asdict()
    refused = []
    for snapshot in (whole, bare):
        again = order()
        again.restore(snapshot)
        refused.append(len(stepped(again, trades(3, [1000.0]), last=True).dead))
    assert refused == [1, 0]


def test_the_venue_numbers_seen_are_part_of_the_state() -> None:
    station = order()
    stepped(station, trades(0, [100.0, 100.0, 100.0], sequence=[7, 8, 9]))
    whole = copy.deepcopy(station.snapshot())
    bare = copy.deepcopy(whole)
    bare["state"] = as_snapshot(verdicts.init(2))
    used = []
    for snapshot in (whole, bare):
        again = order()
        again.restore(snapshot)
        used.append(count(stepped(again, trades(3, [100.0], sequence=[7]), last=True).ticks))
    assert used[1] == used[0] + 1


def test_every_tick_is_used_late_or_dead() -> None:
    rng = np.random.default_rng(8)
    station, seen = order(), 0
    total = {"used": 0, "late": 0, "dead": 0}
    for number in range(1, 21):
        time = START + (seen + np.arange(50)) * SECOND // 10 - rng.integers(0, 3, 50) * SECOND
        prices = (100 * np.where(rng.random(50) < 0.05, 10.0, 1.0)).tolist()
        batch = stepped(station, trades(seen, prices, ts_event=time), number, last=number == 20)
        seen += 50
        total["used"] += count(batch.ticks)
        total["late"] += count(batch.late)
        total["dead"] += len(batch.dead)
    assert sum(total.values()) == seen
    assert min(total.values()) > 0


def test_events_pass_with_the_watermark_in_order_of_their_effect() -> None:
    station = order()
    times = {EventKind.HALT: 9, EventKind.SPLIT: 3, EventKind.RESUME: 20}
    events = tuple(Event(START + k * SECOND, kind, "A") for kind, k in times.items())
    arrivals = Arrivals(ticks_of(0), (), events=events)
    batch = station.step(Batch(1, arrivals, ticks=trades(0, [100.0] * 12)))
    assert [event.kind for event in batch.events] == [EventKind.SPLIT, EventKind.HALT]
    again = order()
    again.restore(copy.deepcopy(station.snapshot()))
    assert [event.kind for event in stepped(again, ticks_of(0), 2, last=True).events] == [EventKind.RESUME]


def test_another_number_of_lanes_is_refused() -> None:
    other = Order(Universe(["A"]), utc_sessions(2013, 2013), n_lanes=2, bound_ns=SECOND)
    with pytest.raises(ValueError, match="1 lanes, this run 2"):
        other.restore(order().snapshot())


@pytest.mark.parametrize("cuts", [[], [1], [2], [3], [1, 2, 3, 4]])
def test_an_event_that_comes_too_late_takes_effect_at_its_lanes_watermark_however_batches_are_cut(
    cuts: list[int],
) -> None:
    """Ticks at 0, 1, 2, 3, 4 s with a bound of 1 s; the event of 0.5 s stands in the message of the last one."""
    station, ticks, taken = order(), trades(0, [100.0] * 5), []
    event = Event(START + SECOND // 2, EventKind.GAP, "A", offset=4, details={"end": START + SECOND})
    for number, (start, end) in enumerate(itertools.pairwise([0, *cuts, 5]), 1):
        rows = take(ticks, slice(start, end))
        arrivals = Arrivals(rows, ("A",), events=(event,) if start <= 4 < end else ())
        taken += station.step(Batch(number, arrivals, ticks=rows)).events
    taken += station.step(Batch(99, last=True)).events
    assert [(found.ts_event - START, found.details) for found in taken] == [(2 * SECOND, event.details)]


def test_an_event_in_time_keeps_its_time() -> None:
    station, ticks = order(), trades(0, [100.0] * 3)
    event = Event(START + SECOND + 5, EventKind.GAP, "A", offset=3)
    batch = station.step(Batch(1, Arrivals(ticks, ("A",), events=(event,)), ticks=ticks, last=True))
    assert [found.ts_event for found in batch.events] == [START + SECOND + 5]
