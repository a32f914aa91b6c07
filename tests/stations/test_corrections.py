"""A correction marks the bars that are open when it comes and hold its trade; the event says which had closed."""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.batch import Batch
from dataflows.stations.bars import BarStation
from dataflows.universe import Universe
from features.sessions import utc_sessions
from schema.bars import BarFlag
from schema.events import Event, EventKind
from schema.ticks import TRADE, take, ticks_of
from schema.timeframes import parse_timeframes

SECOND = 10**9
START = 1_381_190_400 * SECOND
TIMEFRAMES = ["1s", "5s", "tick:100"]


def walked(events: list[Event], cuts: list[float]) -> tuple[set[tuple[int, str, str]], list[Event], list[np.ndarray]]:
    """Return (close in seconds, symbol, timeframe) of the marked bars, the stored events, and closes of all bars.

    A and B trade every quarter of a second for 12 seconds; batches end at the given seconds, with a restart.
    """
    names, rows, found, prices, begin = ["A", "B"], np.arange(96), set(), [], 0
    ticks = ticks_of(
        96, ts_event=START + rows // 2 * (SECOND // 4) + 1, offset=rows, symbol=rows % 2, kind=TRADE, size=1.0,
        price=100.0 + rows % 7,
    )  # fmt: skip
    station, stored = None, []
    for number, cut in enumerate([*cuts, 13.0], 1):
        end = START + round(cut * SECOND)
        fresh = BarStation(Universe(names), parse_timeframes(TIMEFRAMES), utc_sessions(2013, 2013), 0.1, lambda: 0)
        if station is not None:
            fresh.restore(station.snapshot())
        station = fresh
        inside = (ticks.ts_event >= begin) & (ticks.ts_event < end)
        batch = Batch(number, ticks=take(ticks, inside), watermark=end)
        batch.events = [event for event in events if begin <= event.ts_event < end]
        bars = station.step(batch).bars
        stored += batch.events
        prices.append(bars.close.copy())
        for k in np.flatnonzero(bars.flags & BarFlag.CORRECTED).tolist():
            found.add((int(bars.time[k] - START) // SECOND, names[bars.symbol[k]], TIMEFRAMES[bars.timeframe[k]]))
        begin = end
    return found, stored, prices


def correction(at: float, of: float | None, symbol: str = "A", kind: EventKind = EventKind.CORRECTION) -> Event:
    details = {} if of is None else {"time": START + round(of * SECOND), "price": 1.0}
    return Event(START + round(at * SECOND), kind, symbol, details=details)


@pytest.mark.parametrize("kind", [EventKind.CORRECTION, EventKind.CANCEL])
@pytest.mark.parametrize("cuts", [[], [2.0], [3.0, 3.5, 4.1], [k / 2 for k in range(1, 24)]])
def test_open_bars_are_marked_and_closed_ones_named(cuts: list[float], kind: EventKind) -> None:
    marked, (stored,), _ = walked([correction(3.7, 3.2, kind=kind)], cuts)
    assert marked == {(4, "A", "1s"), (5, "A", "5s")}
    assert stored.details["closed"] == []
    marked, (stored,), _ = walked([correction(3.7, 1.2, kind=kind)], cuts)
    assert marked == {(5, "A", "5s")}
    assert stored.details["closed"] == ["1s"]
    marked, (stored,), _ = walked([correction(7.7, 1.2, kind=kind)], cuts)
    assert marked == set()
    assert stored.details["closed"] == ["1s", "5s"]


def test_nothing_is_computed_anew() -> None:
    for with_it, without in zip(walked([correction(3.7, 3.2)], [2.0, 4.0])[2], walked([], [2.0, 4.0])[2]):
        np.testing.assert_array_equal(with_it, without)


@pytest.mark.parametrize(
    "event, why", [(correction(3.7, None), "details.time is None"), (correction(3.7, 3.2, "X"), "symbol 'X'")]
)
def test_what_can_not_be_read_marks_nothing_and_says_why(event: Event, why: str) -> None:
    marked, (stored,), _ = walked([event], [2.0])
    assert marked == set()
    assert why in stored.details["ignored"]
