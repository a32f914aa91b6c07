"""A gap marks the next bar of each series that it concerns, whatever the batches."""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.stations.gaps import GapMarks
from dataflows.universe import Universe
from schema.bars import BarFlag, Bars, empty_bars, take_bars
from schema.events import Event, EventKind

SYMBOLS, TIMES = 3, 12
LATE, FIRST_OF_LATE = 2, 6  # symbol 2 has its first bar at time 6


def market() -> Bars:
    """One bar a symbol and time 1 .. 12; times are the numbers themselves."""
    rows = [(t, s) for t in range(1, TIMES + 1) for s in range(SYMBOLS) if s != LATE or t >= FIRST_OF_LATE]
    bars = empty_bars(len(rows))
    bars.time[:], bars.symbol[:], bars.timeframe[:], bars.flags[:] = *np.array(rows).T, 0, 0
    return bars


def marked(gaps: list[Event], cuts: list[int]) -> set[tuple[int, int]]:
    """Return (time, symbol) of the marked bars; batches end at the given times, events come as the watermark passes."""
    marks, found = GapMarks(Universe(["A", "B", "C"]), 1), set()
    for start, end in zip([0, *cuts], [*cuts, TIMES]):
        bars = take_bars(market(), (market().time > start) & (market().time <= end))
        marks.mark(bars, [gap for gap in gaps if start <= gap.ts_event < end])
        fresh = GapMarks(Universe(["A", "B", "C"]), 1)
        fresh.restore(marks.snapshot())
        marks = fresh
        rows = np.flatnonzero(bars.flags & BarFlag.GAP)
        found |= set(zip(bars.time[rows].tolist(), bars.symbol[rows].tolist()))
    return found


@pytest.mark.parametrize("cuts", [[], [3], [4, 5, 9], list(range(1, TIMES))])
def test_the_next_bar_is_marked(cuts: list[int]) -> None:
    assert marked([Event(4, EventKind.GAP, "B")], cuts) == {(5, 1)}
    assert marked([Event(4, EventKind.GAP)], cuts) == {(5, 0), (5, 1)}  # C has had no bar
    assert marked([Event(4, EventKind.GAP), Event(8, EventKind.GAP)], cuts) == {
        (5, 0), (5, 1), (9, 0), (9, 1), (9, LATE),
    }  # fmt: skip
    assert marked([Event(4, EventKind.GAP, "B"), Event(4, EventKind.GAP)], cuts) == {(5, 0), (5, 1)}


def test_other_events_mark_nothing() -> None:
    assert marked([Event(4, EventKind.HALT)], [6]) == set()


def test_a_gap_before_the_first_bar_marks_nothing() -> None:
    assert marked([Event(0, EventKind.GAP, "A")], []) == set()


def test_a_gap_of_an_unknown_symbol_marks_nothing() -> None:
    assert marked([Event(4, EventKind.GAP, "X")], []) == set()


@pytest.mark.parametrize("cuts", [[], [3], [4, 5, 9], list(range(1, TIMES))])
def test_every_bar_that_overlaps_a_gap_is_marked(cuts: list[int]) -> None:
    assert marked([Event(4, EventKind.GAP, "B", details={"end": 7})], cuts) == {(5, 1), (6, 1), (7, 1), (8, 1)}
    both = [Event(4, EventKind.GAP, "B", details={"end": 7}), Event(6, EventKind.GAP, details={"end": 6})]
    assert marked(both, cuts) == {(5, 1), (6, 1), (7, 1), (8, 1), (7, 0), (7, LATE)}


def test_an_end_that_can_not_be_read_is_none() -> None:
    assert marked([Event(4, EventKind.GAP, "B", details={"end": "later"})], [6]) == {(5, 1)}
