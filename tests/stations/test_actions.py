"""Splits and dividends at the stations: who is rescaled by what, and what can't be applied does nothing, visibly.

That all columns and bars come out as if the past had been in the new units is a law: tests/laws/test_actions.py.
"""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.batch import Arrivals, Batch
from dataflows.resample import Resampler
from dataflows.split.message import ShardRows, decode, encode
from dataflows.stations.bars import BarStation
from dataflows.stations.order import Order
from dataflows.universe import Universe
from features.sessions import utc_sessions
from models.labels import label
from schema.bars import Bars, concat_bars, take_bars
from schema.events import Event, EventKind
from schema.ticks import TRADE, Ticks, count, ticks_of
from schema.timeframes import parse_timeframe, parse_timeframes

SECOND = 10**9
START = 1_381_190_400 * SECOND
SESSIONS = utc_sessions(2013, 2013)


def trades(prices: list[float], since: int = 0, sizes: float = 1.0) -> Ticks:
    """A trade of symbol A in the middle of each second."""
    rows = np.arange(since, since + len(prices))
    times = START + rows * SECOND + SECOND // 2
    return ticks_of(len(rows), ts_event=times, offset=rows, symbol=0, kind=TRADE, price=prices, size=sizes)


def event(at: float, kind: EventKind = EventKind.SPLIT, symbol: str = "A", **details: object) -> Event:
    return Event(START + round(at * SECOND), kind, symbol, offset=0, details=details)


def walked(parts: list[tuple[Ticks, list[Event], float]], timeframes: str = "1s") -> tuple[Bars, list[Event]]:
    """Give the bar station batches of ticks, events and watermarks (seconds); return bars and stored events."""
    station = BarStation(Universe(["A"]), parse_timeframes(timeframes.split(",")), SESSIONS, 0.1, lambda: 0)
    bars, events = [], []
    for number, (ticks, found, watermark) in enumerate(parts, 1):
        batch = Batch(number, ticks=ticks, events=found, watermark=START + round(watermark * SECOND))
        batch = station.step(batch)
        bars.append(batch.bars)
        events += batch.events
        station.restore(station.snapshot())
    return concat_bars(bars), events


@pytest.mark.parametrize("kind, details", [(EventKind.SPLIT, {"ratio": 10}), (EventKind.DIVIDEND, {"amount": 90.0})])
def test_a_price_behind_a_split_is_no_outlier(kind: EventKind, details: dict[str, float]) -> None:
    ticks = trades([100.0, 100.0, 10.0, 10.5, 10.2, 100.0])
    for cuts in ([6], [1, 6], [2, 3, 6], [1, 2, 3, 4, 5, 6]):
        station = Order(Universe(["A"]), SESSIONS, n_lanes=1, bound_ns=0)
        dead, used, first = [], 0, 0
        for number, end in enumerate(cuts, 1):
            part = Ticks._make(column[first:end] for column in ticks)
            events = (event(2.0, kind, **details),) if first == 0 else ()
            batch = Batch(number, Arrivals(part, ("A",), events=events), ticks=part, last=end == 6)
            batch = station.step(batch)
            dead += batch.dead
            used += count(batch.ticks)
            station.restore(station.snapshot())
            first = end
        assert used == 5
        assert [letter.found for letter in dead] == ["trade 100 x 1"]


def test_a_dividend_is_reinvested_at_the_last_price() -> None:
    bars, (stored,) = walked([(trades([40.0, 50.0, 45.0]), [event(2, EventKind.DIVIDEND, amount=10.0)], 3)])
    assert stored.details == {"amount": 10.0, "ratio": 50.0 / 40.0}
    np.testing.assert_array_equal(bars.basis, [1.0, 1.0, 1.25])
    np.testing.assert_array_equal(bars.close, [40.0, 50.0, 45.0])  # what was paid stays


def test_splits_multiply() -> None:
    bars, _ = walked([(trades([8.0, 4.0, 1.0]), [event(1, ratio=2), event(2, ratio=4)], 3)])
    np.testing.assert_array_equal(bars.basis, [1.0, 2.0, 8.0])


def test_an_open_bar_is_brought_to_the_new_units() -> None:
    bars, _ = walked([(trades([100.0, 90.0, 25.0], sizes=2.0), [event(2, ratio=4)], 10)], "10s")
    assert (bars.open[0], bars.high[0], bars.low[0], bars.close[0]) == (25.0, 25.0, 22.5, 25.0)
    assert (bars.volume[0], bars.notional[0], bars.basis[0]) == (18.0, 430.0, 4.0)


@pytest.mark.parametrize(
    "told, why",
    [
        (event(1, ratio=0), "details.ratio is 0"),
        (event(1, ratio="2:1"), "details.ratio is '2:1'"),
        (event(1, ratio=True), "details.ratio is True"),
        (event(1, ratio=float("nan")), "details.ratio is nan"),
        (event(1), "details.ratio is None"),
        (event(1, EventKind.DIVIDEND, amount=-1.0), "details.amount is -1.0"),
        (event(1, EventKind.DIVIDEND, amount=500.0), "changes nothing"),
        (event(1, symbol="X", ratio=2), "symbol 'X' has shown nothing yet"),
        (event(0.2, ratio=2), "symbol 'A' has shown nothing yet"),
        (event(1, symbol="", ratio=2), "symbol '' has shown nothing yet"),
    ],
)
def test_what_can_not_be_applied_changes_nothing_and_says_why(told: Event, why: str) -> None:
    bars, (stored,) = walked([(trades([10.0, 10.0]), [told], 2)])
    assert why in stored.details["ignored"]
    np.testing.assert_array_equal(bars.basis, 1.0)
    np.testing.assert_array_equal(bars.close, 10.0)


def test_a_label_over_a_split_is_that_of_the_adjusted_prices() -> None:
    plain, _ = walked([(trades([8.0, 8.5, 9.0, 8.0, 8.25, 9.5]), [], 6)])
    split, _ = walked([(trades([8.0, 8.5, 9.0, 2.0, 2.0625, 2.375]), [event(3, ratio=4)], 6)])
    for bars in (plain, split):
        bars.session_close[:] = START + 100 * SECOND
    truth, found = (label(bars, 3, parse_timeframe("1s")) for bars in (plain, split))
    np.testing.assert_array_equal(found.returns, truth.returns)
    np.testing.assert_array_equal(found.past, truth.past)
    assert np.isfinite(truth.returns[2, 0])


@pytest.mark.parametrize("batch", [1, 7])
def test_longer_bars_made_of_bars_are_those_made_of_ticks(batch: int) -> None:
    given = [(trades([8.0, 9.0, 10.0, 2.0, 3.0, 2.5, 2.0], sizes=4.0), [event(2.5, ratio=4)], 12)]
    fine, coarse = walked(given)[0], walked(given, "5s")[0]
    resampler = Resampler(parse_timeframe("1s"), parse_timeframe("5s"), SESSIONS)
    rank = np.zeros(1, np.int32)
    parts = [resampler.step(take_bars(fine, slice(k, k + batch)), rank) for k in range(0, len(fine.time), batch)]
    made = concat_bars([part for part in parts if len(part.time)])
    for name in ("time", "open", "high", "low", "close", "volume", "notional", "basis"):
        np.testing.assert_array_equal(getattr(made, name), getattr(coarse, name), name)


def test_the_basis_goes_over_the_wire_between_processes() -> None:
    bars, _ = walked([(trades([8.0, 2.0]), [event(1, ratio=4)], 2)])
    rows = ShardRows("one", 1, ("A",), (("file", 0),), bars, np.zeros((2, 3)), np.zeros((2, 3), np.uint8), 0)
    (message,) = encode(rows, "f")
    for column, sent in zip(decode(message, "f", 3).bars, bars):
        np.testing.assert_array_equal(column, sent)
