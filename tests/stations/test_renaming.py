"""Renames at the order station: what can't be followed says why and changes nothing; a name that was given up is
nobody's until it is listed anew.

That everything else goes on as it was is a law: tests/dataflows/test_renames.py.
"""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import pytest

from dataflows.batch import Arrivals, Batch
from dataflows.sources.items import ItemLog
from dataflows.stations.bars import BarStation
from dataflows.stations.gate import Gate
from dataflows.stations.items import ItemFeatures
from dataflows.stations.names import Names
from dataflows.stations.order import Order
from dataflows.universe import Universe
from features.sessions import utc_sessions
from schema.alerts import Alert, AlertKind, AlertState
from schema.bars import BarFlag
from schema.events import Event, EventKind
from schema.items import Items
from schema.ticks import TRADE, count, ticks_of
from schema.timeframes import parse_timeframes

SECOND = 10**9
START = 1_381_190_400 * SECOND
SESSIONS = utc_sessions(2013, 2013)
Tick = tuple[float, str]  # seconds, name
NOBODY = "the new name, since this one was given up"


def event(at: float, old: str, new: Any, kind: EventKind = EventKind.RENAMED, offset: int = 0) -> Event:
    return Event(START + round(at * SECOND), kind, old, 0, offset, {} if new is None else {"to": new})


class Seen:
    """What came out of gate, order and bars, a batch a cut, with a restart between all of them."""

    def __init__(
        self, ticks: list[Tick], events: list[Event], cuts: tuple[int, ...] = (), universe: dict[str, Any] | None = None
    ) -> None:
        self.names = sorted({name for _, name in ticks})
        self.given = ticks
        self.settings = universe or {}
        self.ticks: list[tuple[float, str]] = []  # used: seconds, series by its first name
        self.stored: list[Event] = []
        self.dead: list[tuple[float, str, str]] = []
        self.bars: list[tuple[float, str, float, int]] = []  # close, series, volume, flags
        state: list[Any] = []
        for number, (first, end) in enumerate(itertools.pairwise([0, *cuts, len(ticks)]), 1):
            stations = self._stations()
            for station, held in zip(stations, state):
                station.restore(copy.deepcopy(held))
            self._step(stations, number, first, end, events)
            state = [station.snapshot() for station in stations]
        self.universe: Universe = stations[0].universe

    def _stations(self) -> list[Any]:
        universe = Universe(**self.settings)
        return [
            Gate(universe), Order(universe, SESSIONS, 1, bound_ns=SECOND),
            BarStation(universe, parse_timeframes(["1s"]), SESSIONS, 0.1, lambda: 0),
        ]  # fmt: skip

    def _step(self, stations: list[Any], number: int, first: int, end: int, events: list[Event]) -> None:
        rows = np.arange(first, end)
        arrived = ticks_of(
            end - first, ts_event=[START + round(at * SECOND) for at, _ in self.given[first:end]], offset=rows,
            symbol=[self.names.index(name) for _, name in self.given[first:end]], kind=TRADE, price=10.0, size=1.0,
        )  # fmt: skip
        told = tuple(one for one in events if (one.offset in rows if one.offset >= 0 else first == 0))
        batch = Batch(number, Arrivals(arrived, tuple(self.names), events=told), last=end == len(self.given))
        for station in stations:
            batch = station.step(batch)
        known = stations[0].universe.names
        used = batch.ticks
        self.ticks += [((t - START) / SECOND, known[k]) for t, k in zip(used.ts_event.tolist(), used.symbol.tolist())]
        self.stored += batch.events
        self.dead += [((one.time - START) / SECOND, one.symbol, one.expected) for one in batch.dead]
        bars = batch.bars
        self.bars += [
            ((int(bars.time[k]) - START) / SECOND, known[bars.symbol[k]], float(bars.volume[k]), int(bars.flags[k]))
            for k in range(len(bars.time))
        ]


def seconds_of(*names: str) -> list[Tick]:
    """A trade of a name in the middle of each second."""
    return [(k + 0.5, name) for k, name in enumerate(names)]


ALL_CUTS = [(), (1,), (2, 3), (1, 2, 3, 4, 5)]


@pytest.mark.parametrize("cuts", ALL_CUTS)
def test_ticks_of_the_new_name_go_on_where_the_old_one_ended(cuts: tuple[int, ...]) -> None:
    seen = Seen(seconds_of("A", "A", "B", "B", "B", "B"), [event(2, "A", "B")], cuts)
    assert seen.ticks == [(k + 0.5, "A") for k in range(6)]
    assert [bar[:2] for bar in seen.bars] == [(k + 1.0, "A") for k in range(5)]
    assert seen.stored == [event(2, "A", "B")] and not seen.dead


@pytest.mark.parametrize("cuts", ALL_CUTS)
def test_a_late_tick_of_the_old_name_is_of_the_same_series_and_one_of_its_future_is_nobodys(
    cuts: tuple[int, ...],
) -> None:
    ticks = [(0.5, "A"), (1.5, "A"), (2.2, "B"), (1.9, "A"), (2.4, "A"), (2.6, "B"), (9.0, "B")]
    seen = Seen(ticks, [event(2, "A", "B")], cuts)
    assert seen.ticks == [(at, "A") for at in (0.5, 1.5, 1.9, 2.2, 2.6, 9.0)]
    assert [(at, name) for at, name, _ in seen.dead] == [(2.4, "A")] and seen.dead[0][2].startswith(NOBODY)


@pytest.mark.parametrize("cuts", ALL_CUTS)
def test_a_name_that_is_listed_anew_begins_anew(cuts: tuple[int, ...]) -> None:
    ticks = [(0.5, "A"), (1.5, "B"), (2.5, "A"), (3.5, "A"), (4.5, "B"), (5.5, "A"), (9.0, "B")]
    listed = event(3, "A", None, EventKind.LISTED)
    seen = Seen(ticks, [event(1, "A", "B"), listed], cuts)
    assert [name for _, name in seen.ticks] == ["A", "A", "B", "A", "B", "A"]  # by first names: B's is the new one
    assert [(at, name) for at, name, _ in seen.dead] == [(2.5, "A")]
    assert [one.details for one in seen.stored] == [{"to": "B"}, {"anew": True}]


@pytest.mark.parametrize("cuts", ALL_CUTS)
@pytest.mark.parametrize(
    "told, why",
    [
        ([event(2, "A", "B")], "a symbol 'B' trades"),
        ([event(2, "X", "C")], "symbol 'X' has shown nothing yet"),
        ([event(0.2, "A", "C")], "symbol 'A' has shown nothing yet"),
        ([event(2, "A", "A")], "details.to is 'A'"),
        ([event(2, "A", None)], "details.to is None"),
        ([event(2, "A", " C")], "details.to is ' C'"),
        ([event(2, "A", "C" * 65)], "expected another name of at most 64"),
        ([event(2, "A", 7)], "details.to is 7"),
        ([event(2, "A", "B"), event(2, "B", "B")], "details.to is 'B'"),  # B isn't given up, so A can't have it
    ],
)
def test_what_can_not_be_followed_changes_nothing_and_says_why(
    told: list[Event], why: str, cuts: tuple[int, ...]
) -> None:
    ticks = [(0.5, "A"), (0.6, "B"), (1.5, "A"), (2.5, "A"), (2.6, "B"), (5.0, "A")]
    seen = Seen(ticks, told, cuts)
    assert seen.ticks == ticks and not seen.dead
    assert all("ignored" in one.details for one in seen.stored)
    assert any(why in one.details["ignored"] for one in seen.stored)


def test_of_two_renames_to_one_name_or_of_one_symbol_the_first_is_followed() -> None:
    ticks = [(0.5, "A"), (0.6, "B"), (2.5, "C"), (2.6, "B"), (5.0, "C")]
    seen = Seen(ticks, [event(2, "A", "C"), event(2, "B", "C"), event(2, "A", "D")])
    assert [name for _, name in seen.ticks] == ["A", "B", "A", "B", "A"]
    whys = [one.details.get("ignored", "") for one in seen.stored]
    assert whys == ["", "another symbol is called 'C' from this time on", "symbol 'A' is renamed twice at one time"]


@pytest.mark.parametrize("cuts", ALL_CUTS)
def test_a_full_universe_follows_no_rename(cuts: tuple[int, ...]) -> None:
    ticks = seconds_of("A", "C", "A", "B", "A", "A")
    seen = Seen(ticks, [event(2, "A", "B", offset=2)], cuts, {"cap": 2})
    assert "the universe is full (universe.cap)" in seen.stored[0].details["ignored"]
    assert [name for _, name in seen.ticks] == ["A", "C", "A", "A", "A"]
    assert [(at, name) for at, name, _ in seen.dead] == [(3.5, "B")]


@pytest.mark.parametrize("cuts", ALL_CUTS)
def test_a_new_name_has_its_place_from_its_message_on(cuts: tuple[int, ...]) -> None:
    """Of a message that stands before every tick, from the first tick of the old name on: C finds no place left."""
    for offset in (1, -5):
        seen = Seen(seconds_of("A", "C", "A", "B", "B", "B"), [event(3, "A", "B", offset=offset)], cuts, {"cap": 2})
        assert [(at, name) for at, name, _ in seen.dead] == [(1.5, "C")]
        assert [name for _, name in seen.ticks] == ["A"] * 5


@pytest.mark.parametrize("cuts", ALL_CUTS)
def test_a_name_announced_before_its_symbol_is_known_waits_through_a_restart(cuts: tuple[int, ...]) -> None:
    ticks = seconds_of("C", "A", "D", "B", "B", "B")
    seen = Seen(ticks, [event(3, "A", "B", offset=-5)], cuts, {"cap": 3})
    assert [(at, name) for at, name, _ in seen.dead] == [(2.5, "D")]


def test_a_list_has_to_name_both() -> None:
    ticks = seconds_of("A", "A", "B", "B", "B")
    one = Seen(ticks, [event(2, "A", "B")], universe={"symbols": ["A"]})
    assert "list it in universe.symbols" in one.stored[0].details["ignored"] and len(one.dead) == 3
    both = Seen(ticks, [event(2, "A", "B")], universe={"symbols": ["A", "B"]})
    assert both.ticks == [(at, "A") for at, _ in ticks]


def test_part_of_a_market_follows_no_rename() -> None:
    seen = Seen(seconds_of("A", "A", "B", "B"), [event(2, "A", "B")], universe={"follows_renames": False})
    assert "run fused" in seen.stored[0].details["ignored"]
    assert [name for _, name in seen.ticks] == ["A", "A", "B", "B"]


@pytest.mark.parametrize("name", ["A", "B"])
def test_a_split_at_the_renames_time_may_use_either_name(name: str) -> None:
    split = Event(START + 2 * SECOND, EventKind.SPLIT, name, details={"ratio": 1.1})
    seen = Seen(seconds_of("A", "A", "B", "B", "B"), [split, event(2, "A", "B")])
    assert [one.details for one in seen.stored if one.kind is EventKind.SPLIT] == [{"ratio": 1.1}]
    assert not seen.dead


def test_a_halt_before_it_and_a_resume_behind_it_are_of_one_symbol() -> None:
    halt = Event(START + SECOND + 1, EventKind.HALT, "A")
    resume = Event(START + 3 * SECOND, EventKind.RESUME, "B")
    seen = Seen(seconds_of("A", "A", "B", "B", "B", "B"), [halt, event(2, "A", "B"), resume])
    halted = [bool(flags & BarFlag.HALTED) for *_, flags in seen.bars]
    assert halted == [False, True, True, False, False]


def test_news_are_of_the_symbol_that_has_the_name_or_had_it_last() -> None:
    universe = Universe(["A", "B"])
    universe.renames.move({0: 1}, START + 10)
    times = np.array([START + 5, START + 15, START + 20, START + 40])
    items = Items._make(np.zeros(4, np.int64) for _ in Items._fields)._replace(
        ts_event=times, symbol=np.array([0, 1, 0, 0], np.int32)
    )
    log = ItemLog(items, ("A", "B"), "four")
    universe.renames.list_anew(0, START + 30)
    station = ItemFeatures(None, universe, log)  # type: ignore[arg-type]  # the engine is not asked
    assert station._published(START + 100).symbol.tolist() == [0, 0, 0, 1]


def test_alerts_are_named_by_their_bars() -> None:
    universe = Universe(["A", "B"])
    universe.renames.move({0: 1}, START + 10)
    alerts = [
        Alert(START + at, AlertKind.JUMP, AlertState.HAPPENED, 0, symbol) for at, symbol in ((10, 0), (11, 0), (11, -1))
    ]
    batch = Names(universe).step(Batch(1, alerts=alerts))
    assert [alert.symbol for alert in batch.alerts] == [0, 1, -1]
    assert count(batch.ticks) == 0
