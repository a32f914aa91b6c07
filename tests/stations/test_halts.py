"""A halt marks every bar that overlaps it, whatever the batches, and no label spans it."""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.stations.halts import HaltMarks
from dataflows.universe import Universe
from models.labels import label
from schema.bars import BarFlag, Bars, concat_bars, empty_bars, take_bars
from schema.events import Event, EventKind
from schema.timeframes import parse_timeframe

TIMES, LONG = 12, 6  # of a short bar each time, and of a long one each six
CUTS = [[], [3], [4, 5, 9], list(range(1, TIMES))]


def market() -> Bars:
    """Symbols A and B: a bar of 1 a time in timeframe 0, one of 6 in timeframe 1."""
    rows = [(t, s, j) for t in range(1, TIMES + 1) for j in (0, 1) if not j or t % LONG == 0 for s in (0, 1)]
    bars = empty_bars(len(rows))
    bars.time[:], bars.symbol[:], bars.timeframe[:] = np.array(rows).T
    bars.start[:] = bars.time - np.where(bars.timeframe == 1, LONG, 1)
    bars.flags[:] = 0
    return bars


def marked(events: list[Event], cuts: list[int]) -> set[tuple[int, str, int]]:
    """Return (time, symbol, timeframe) of the marked bars; batches end at the given times."""
    marks, parts = HaltMarks(Universe(["A", "B"]), 2), []
    for start, end in zip([0, *cuts], [*cuts, TIMES]):
        bars = take_bars(market(), (market().time > start) & (market().time <= end))
        marks.mark(bars, [event for event in events if start <= event.ts_event < end])
        fresh = HaltMarks(Universe(["A", "B"]), 2)
        fresh.restore(marks.snapshot())
        marks = fresh
        parts.append(bars)
    bars = concat_bars(parts)
    rows = np.flatnonzero(bars.flags & BarFlag.HALTED).tolist()
    return {(int(bars.time[k]), "AB"[bars.symbol[k]], int(bars.timeframe[k])) for k in rows}


def halt(begin: int, end: int | None, symbol: str = "A") -> list[Event]:
    resumed = [] if end is None else [Event(end, EventKind.RESUME, symbol)]
    return [Event(begin, EventKind.HALT, symbol), *resumed]


@pytest.mark.parametrize("cuts", CUTS)
def test_bars_that_overlap_a_halt_are_marked(cuts: list[int]) -> None:
    assert marked(halt(3, 5), cuts) == {(4, "A", 0), (5, "A", 0), (6, "A", 1)}
    assert marked(halt(5, 7), cuts) == {(6, "A", 0), (7, "A", 0), (6, "A", 1), (12, "A", 1)}
    assert marked(halt(10, None), cuts) == {(11, "A", 0), (12, "A", 0), (12, "A", 1)}
    two = sorted([*halt(1, 2), *halt(8, 9, "B")], key=lambda event: event.ts_event)
    assert marked(two, cuts) == {(2, "A", 0), (6, "A", 1), (9, "B", 0), (12, "B", 1)}


@pytest.mark.parametrize("cuts", CUTS)
def test_a_halt_of_everything_concerns_all(cuts: list[int]) -> None:
    both = [Event(3, EventKind.HALT), Event(4, EventKind.RESUME)]
    assert marked(both, cuts) == {(4, "A", 0), (4, "B", 0), (6, "A", 1), (6, "B", 1)}


def test_what_is_no_halt_marks_nothing() -> None:
    assert marked([Event(3, EventKind.RESUME, "A"), Event(4, EventKind.GAP, "A")], [6]) == set()
    assert marked(halt(3, 5, "X"), []) == set()


def test_no_label_spans_a_halt() -> None:
    bars = take_bars(market(), (market().timeframe == 0) & (market().symbol == 0))
    bars.mid[:] = np.arange(1.0, TIMES + 1)
    bars.session_open[:], bars.session_close[:] = 0, 100
    HaltMarks(Universe(["A"]), 2).mark(bars, halt(5, 6))
    seconds = bars._replace(time=bars.time * 10**9, session_close=bars.session_close * 10**9)
    labels = label(seconds, 3, parse_timeframe("1s")).returns
    found = [[bool(np.isfinite(cell)) for cell in row] for row in labels]
    for k in range(TIMES):
        for h in (1, 2, 3):
            spans = {k + 1 + step for step in range(h + 1)}
            assert found[k][h - 1] == (max(spans) <= TIMES and 6 not in spans), (k, h)
