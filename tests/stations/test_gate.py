"""The gate: each bad tick becomes one dead letter that says what was found, the good ones pass untouched."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.batch import Arrivals, Batch
from dataflows.stations.checks import YEAR_2200
from dataflows.stations.gate import SECOND_NS, Gate
from dataflows.universe import Universe
from schema.events import Decision, DecisionKind, Event, EventKind
from schema.reasons import Dead
from schema.ticks import HEARTBEAT, QUOTE, TRADE, UNKNOWN_KIND, Ticks, concat, count, take, ticks_of

NOW = 1_381_132_800_000_000_000
NAN, INF = math.nan, math.inf


def trade(**columns: Any) -> dict[str, Any]:
    return {"ts_event": NOW, "symbol": 0, "kind": TRADE, "price": 10.0, "size": 1.0} | columns


def quote(**columns: Any) -> dict[str, Any]:
    sides = {"bid": 9.0, "bid_size": 1.0, "ask": 10.0, "ask_size": 1.0}
    return {"ts_event": NOW, "symbol": 0, "kind": QUOTE} | sides | columns


def arrived(*rows: dict[str, Any], names: tuple[str, ...] = ("AAA", "BB"), **more: Any) -> Arrivals:
    ticks = concat([ticks_of(1, **{"offset": k} | row) for k, row in enumerate(rows)])
    return Arrivals(ticks, names, **more)


def through(gate: Gate, arrivals: Arrivals) -> Batch:
    return gate.step(Batch(1, arrivals))


def test_clean_ticks_pass_untouched_under_the_universes_ids() -> None:
    arrivals = arrived(trade(symbol=1), quote(), trade(size=0.0, side=-1, sequence=9, lane=2, index=4))
    batch = through(Gate(Universe(["AAA", "X", "BB"]), lanes=3), arrivals)
    assert batch.dead == []
    assert batch.ticks.symbol.tolist() == [2, 0, 0]
    for field in set(Ticks._fields) - {"symbol"}:
        assert getattr(batch.ticks, field).tobytes() == getattr(arrivals.ticks, field).tobytes()


@pytest.mark.parametrize(
    ("row", "reason", "found"),
    [
        *((trade(price=bad), Dead.BAD_PRICE, f"price={bad!r}, size=1.0") for bad in (NAN, INF, -INF, 0.0, -0.0, -1.0)),
        *((trade(size=bad), Dead.BAD_SIZE, f"price=10.0, size={bad!r}") for bad in (NAN, INF, -1.0)),
        (quote(bid=NAN, ask=NAN), Dead.BAD_PRICE, "bid=nan, bid_size=1.0, ask=nan, ask_size=1.0"),
        *((quote(bid=bad), Dead.BAD_PRICE, f"bid={bad!r}, bid_size=1.0, ask=10.0, ask_size=1.0") for bad in (0.0, INF)),
        *((quote(ask=bad), Dead.BAD_PRICE, f"bid=9.0, bid_size=1.0, ask={bad!r}, ask_size=1.0") for bad in (-1.0, INF)),
        (quote(bid_size=NAN), Dead.BAD_SIZE, "bid=9.0, bid_size=nan, ask=10.0, ask_size=1.0"),
        (quote(bid_size=-1.0), Dead.BAD_SIZE, "bid=9.0, bid_size=-1.0, ask=10.0, ask_size=1.0"),
        (quote(ask_size=NAN), Dead.BAD_SIZE, "bid=9.0, bid_size=1.0, ask=10.0, ask_size=nan"),
        (quote(ask_size=INF), Dead.BAD_SIZE, "bid=9.0, bid_size=1.0, ask=10.0, ask_size=inf"),
        *(
            (quote(bid=NAN, bid_size=bad), Dead.BAD_SIZE, f"bid=nan, bid_size={bad!r}, ask=10.0, ask_size=1.0")
            for bad in (INF, -1.0)
        ),
        *(
            (trade(ts_event=bad), Dead.BAD_TIME, f"ts_event={bad}, ts_recv={bad}")
            for bad in (0, -1, YEAR_2200, -(1 << 63), (1 << 63) - 1)
        ),
        (trade(ts_recv=-5), Dead.BAD_TIME, f"ts_event={NOW}, ts_recv=-5"),
        (
            trade(ts_recv=NOW - 5 * SECOND_NS - 1),
            Dead.FROM_THE_FUTURE,
            f"ts_event {5 * SECOND_NS + 1} ns ahead of ts_recv",
        ),
        (trade(symbol=1), Dead.UNKNOWN_SYMBOL, "symbol='BB'"),
        (trade(symbol=-1), Dead.UNKNOWN_SYMBOL, "no symbol"),
        (trade(kind=UNKNOWN_KIND), Dead.UNKNOWN_KIND, "kind='auction'"),
        (trade(kind=77), Dead.UNKNOWN_KIND, "kind='auction'"),
    ],
)  # fmt: skip
def test_a_bad_tick_is_one_dead_letter(row: dict[str, Any], reason: Dead, found: str) -> None:
    arrivals = arrived(trade(), row, quote(), unknown_kinds={1: "'auction'"})
    batch = through(Gate(Universe(["AAA"])), arrivals)
    (letter,) = batch.dead
    assert (letter.reason, letter.found) == (reason, found)
    assert letter.expected
    assert (letter.offset, letter.lane, letter.index) == (1, 0, 0)
    assert letter.time == arrivals.ticks.ts_event[1]
    assert letter.symbol == {0: "AAA", 1: "BB", -1: ""}[int(arrivals.ticks.symbol[1])]
    assert batch.ticks.offset.tolist() == [0, 2]


@pytest.mark.parametrize(
    "row",
    [
        quote(bid=NAN, bid_size=NAN),
        quote(ask=NAN, ask_size=0.0),
        quote(bid=11.0),  # crossed: a verdict of the order station
        quote(bid_size=0.0),
        trade(price=1e-4),
        trade(ts_event=1),
        trade(ts_event=YEAR_2200 - 1),
        trade(ts_recv=NOW - 5 * SECOND_NS),
        trade(ts_recv=NOW + 10**15),
        {"ts_event": NOW, "kind": HEARTBEAT},
    ],
)
def test_what_is_merely_odd_passes(row: dict[str, Any]) -> None:
    batch = through(Gate(Universe(["AAA"])), arrived(row))
    assert batch.dead == []
    assert count(batch.ticks) == 1


def test_a_malformed_tick_is_refused_whatever_else_it_is() -> None:
    rows = [trade(kind=UNKNOWN_KIND, ts_event=0), trade(symbol=1), trade()]
    gate = Gate(Universe())
    batch = through(gate, arrived(*rows, malformed={0: "3 cells", 1: "price='x'"}))
    assert [(letter.reason, letter.found) for letter in batch.dead] == [
        (Dead.MALFORMED, "3 cells"),
        (Dead.MALFORMED, "price='x'"),
    ]
    assert gate.universe.names == ["AAA"]


def test_an_unknown_symbol_is_admitted_by_its_first_usable_tick() -> None:
    rows = [trade(symbol=1, price=NAN), trade(symbol=0, ts_event=NOW + 1), trade(symbol=1, ts_event=NOW + 2)]
    gate = Gate(Universe())
    batch = through(gate, arrived(*rows))
    assert batch.decisions == [
        Decision(NOW + 1, DecisionKind.ADMIT, "AAA", details={"id": 0}),
        Decision(NOW + 2, DecisionKind.ADMIT, "BB", details={"id": 1}),
    ]
    assert batch.ticks.symbol.tolist() == [0, 1]
    assert len(batch.dead) == 1


def test_a_flood_of_symbols_grows_nothing() -> None:
    gate = Gate(Universe(cap=3))
    for k in range(20):
        names = tuple(f"S{k}-{j}" for j in range(5))
        batch = through(gate, arrived(*(trade(symbol=j) for j in range(5)), names=names))
        assert len(batch.dead) == (2 if k == 0 else 5)
    assert gate.universe.names == ["S0-0", "S0-1", "S0-2"]
    assert "full" in batch.dead[0].expected
    assert gate.ticks_dead[Dead.UNKNOWN_SYMBOL] == 97


@pytest.mark.parametrize("name", ["", " A", "A\nB", "x" * 65, "\x00"])
def test_an_unusable_name_is_not_admitted(name: str) -> None:
    gate = Gate(Universe())
    batch = through(gate, arrived(trade(symbol=0), trade(symbol=1), names=(name, "BB")))
    assert gate.universe.names == ["BB"]
    assert [letter.reason for letter in batch.dead] == [Dead.UNKNOWN_SYMBOL]


def test_a_lane_the_gate_does_not_know_is_an_error_of_the_source() -> None:
    with pytest.raises(ValueError, match=r"lane 3.*2 lanes"):
        through(Gate(Universe(), lanes=2), arrived(trade(lane=3)))
    with pytest.raises(ValueError, match="2 names"):
        through(Gate(Universe()), arrived(trade(symbol=2)))


def test_events_pass_and_a_pass_without_arrivals_changes_nothing() -> None:
    halt = Event(NOW, EventKind.HALT, "AAA")
    gate = Gate(Universe(["AAA"]), clock=lambda: 99)
    batch = through(gate, arrived(trade(), events=(halt,)))
    assert (batch.events, batch.stamps.received) == ([halt], 99)
    assert count(gate.step(Batch(2)).ticks) == 0
    assert gate.ticks_read == 1


NAMES = ("A", "B", "C", "D")
ANY_TICK = st.builds(
    trade,
    kind=st.sampled_from([TRADE, QUOTE, HEARTBEAT, UNKNOWN_KIND]),
    symbol=st.integers(-1, len(NAMES) - 1),
    ts_event=st.sampled_from([NOW, NOW + 1, 0, NOW + 10**10]),
    ts_recv=st.just(NOW),
    price=st.floats(),
    size=st.sampled_from([1.0, -1.0, NAN]),
    bid=st.floats(),
    ask=st.sampled_from([1.0, NAN]),
    bid_size=st.just(0.0),
    ask_size=st.just(0.0),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(ANY_TICK, min_size=1, max_size=30), st.data())
def test_any_cut_gives_the_same_ticks_letters_and_ids(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    arrivals = arrived(*rows, names=NAMES)
    whole_gate, gate = Gate(Universe(cap=3)), Gate(Universe(cap=3))
    whole = through(whole_gate, arrivals)
    parts, low = [], 0
    while low < len(rows):
        high = data.draw(st.integers(low + 1, len(rows)))
        parts.append(through(gate, Arrivals(take(arrivals.ticks, slice(low, high)), NAMES)))
        fresh = Gate(Universe(cap=3))
        fresh.restore(gate.snapshot())
        gate, low = fresh, high
    for left, right in zip(concat([part.ticks for part in parts]), whole.ticks):
        assert left.tobytes() == right.tobytes()
    assert [letter for part in parts for letter in part.dead] == whole.dead
    assert [decision for part in parts for decision in part.decisions] == whole.decisions
    assert gate.snapshot() == whole_gate.snapshot()
    assert gate.ticks_read + gate.heartbeats == len(rows)
    assert count(whole.ticks) + len(whole.dead) == len(rows)
    assert sum(gate.ticks_dead.values()) == len(whole.dead)


def test_ids_stay_and_ranks_follow_the_names() -> None:
    universe = Universe()
    for k, name in enumerate(["M", "B", "Z", "A"]):
        decision = universe.admit(name, NOW)
        assert decision is not None
        assert decision.details == {"id": k}
    assert universe.admit("B", NOW) is None
    assert universe.ids(["A", "Q", "M"]).tolist() == [3, -1, 0]
    assert universe.rank.tolist() == [2, 1, 3, 0]
    twin = Universe()
    twin.restore(universe.snapshot())
    assert (twin.names, twin.rank.tolist(), twin.ids(["Z"]).tolist()) == (universe.names, [2, 1, 3, 0], [2])


def test_a_listed_universe_admits_none_and_is_the_checkpoints() -> None:
    universe = Universe(["A", "B"])
    assert universe.full
    assert universe.admit("C", NOW) is None
    with pytest.raises(ValueError, match="resume with the symbols"):
        universe.restore(Universe(["B", "A"]).snapshot())
    for wrong in (["A", "A"], [""], ["x\n"]):
        with pytest.raises(ValueError, match="universe"):
            Universe(wrong)
    with pytest.raises(ValueError, match="at most 2"):
        Universe(["A", "B", "C"], cap=2)


def test_reading_an_arrival_leaves_it_as_it_was() -> None:
    arrivals = arrived(trade(), trade(price=NAN), quote(symbol=1))
    before = [column.copy() for column in arrivals.ticks]
    through(Gate(Universe(["BB", "AAA"])), arrivals)
    assert all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(before, arrivals.ticks))
