"""The synthetic market: the same bits for ever, and something true to learn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.batch import Arrivals, Batch
from dataflows.interfaces import EndOfInput
from dataflows.sources.errors import OtherLog
from dataflows.sources.files import FileSource
from dataflows.sources.recording import write_parquet
from dataflows.sources.synthetic import OPENING, SyntheticMarket
from dataflows.stations.gate import Gate
from dataflows.universe import Universe
from schema.reasons import Dead
from schema.ticks import HEARTBEAT, QUOTE, TRADE, UNKNOWN_KIND, Ticks, concat, count
from tests.sources.reading import assert_same, joined, read

SECOND = 1_000_000_000


def market(**changes: Any) -> SyntheticMarket:
    return SyntheticMarket(**{"symbols": 5, "duration_s": 17.5, "rate": 10.0, "faults": 0.05, "lanes": 2} | changes)


def listed(position: dict[str, Any]) -> dict[str, Any]:
    """Send a position through a checkpoint: arrays become lists and arrays again."""
    return json.loads(json.dumps(position, default=lambda array: array.tolist()))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_batches_and_returns_give_the_same_bits(data: st.DataObject) -> None:
    whole = read(market())
    parts: list[Arrivals] = []
    source = market(batch_size=data.draw(st.integers(1, 700)))
    while True:
        if data.draw(st.booleans()):
            position = listed(source.position())
            source = market(batch_size=data.draw(st.integers(1, 700)))
            source.seek(position)
            assert listed(source.position()) == position
        try:
            arrivals = source.next_batch()
        except EndOfInput:
            break
        assert arrivals is not None
        parts.append(arrivals)
    assert_same(parts, whole)


def test_seeds_and_settings_make_other_markets() -> None:
    prices = {read(market(**change))[0].ticks.price.tobytes() for change in ({}, {"seed": 8}, {"rate": 11.0})}
    assert len(prices) == 3
    source = market()
    source.next_batch()
    with pytest.raises(OtherLog, match="symbols, seed"):
        market(seed=8).seek(source.position())


def live(seconds: list[float], **changes: Any) -> SyntheticMarket:
    """Make a live market whose clock shows the given times in turn, the last one for ever."""
    shown = [int(second * SECOND) for second in seconds]
    return market(duration_s=None, clock=lambda: shown.pop(0) if len(shown) > 1 else shown[0], **changes)


def polled(source: SyntheticMarket) -> list[Arrivals]:
    """Poll some times and keep what had arrived."""
    return [arrivals for arrivals in (source.next_batch() for _ in range(20)) if arrivals is not None]


def test_live_hands_out_exactly_what_the_clock_has_reached() -> None:
    whole = polled(live([7, 8.7], pace=10.0))
    ticks = joined(whole)[0]
    reached = OPENING + 17 * SECOND
    assert ticks.ts_recv.max() <= reached
    history = joined(read(market(duration_s=20)))[0]
    assert count(ticks) == int((history.ts_recv <= reached).sum())
    assert_same(whole, polled(live([7, 7.1, 7.1, 7.5, 8.0, 8.7], pace=10.0)))


def test_a_live_market_with_a_duration_ends() -> None:
    source = SyntheticMarket(symbols=2, duration_s=3, pace=1.0, clock=iter([0, *[4 * SECOND] * 9]).__next__)
    assert count(joined(read(source))[0]) > 0


def test_live_goes_on_where_it_was_and_catches_up() -> None:
    first = live([0, 3], pace=1.0)
    parts = [part for part in (first.next_batch(), first.next_batch()) if part is not None]
    resumed = live([9], pace=1.0)
    resumed.seek(listed(first.position()))
    assert_same(parts + polled(resumed), polled(live([0, 9], pace=1.0)))


def test_each_lane_has_a_heartbeat_every_second_and_rising_offsets() -> None:
    ticks = joined(read(market(lanes=3)))[0]
    for lane in range(3):
        beats = ticks.ts_event[(ticks.kind == HEARTBEAT) & (ticks.lane == lane)]
        assert beats.tolist() == [OPENING + k * SECOND for k in range(18)]
    assert ticks.offset.tolist() == list(range(count(ticks)))
    assert (np.diff(ticks.ts_recv) >= 0).all()
    assert (ticks.ts_event <= ticks.ts_recv).all()


def test_stragglers_and_latecomers_come() -> None:
    ticks = joined(read(market(symbols=50, duration_s=100, rate=20)))[0]
    delay = ticks.ts_recv - ticks.ts_event
    assert 0.005 < (delay > 20_000_000).mean() < 0.02
    assert 0.0001 < (delay > 500_000_000).mean() < 0.001
    assert delay.max() <= 4.6 * SECOND
    assert (np.diff(ticks.ts_event) < 0).mean() > 0.01


def test_every_fault_comes_and_the_gate_finds_those_it_can() -> None:
    source = market(symbols=20, duration_s=60, faults=0.02)
    gate, dead, passed = Gate(Universe(), lanes=2), [], []
    for arrivals in read(source):
        batch = gate.step(Batch(1, arrivals))
        dead += batch.dead
        passed.append(batch.ticks)
        assert set(arrivals.unknown_kinds) == set(np.flatnonzero(arrivals.ticks.kind == UNKNOWN_KIND).tolist())
    ticks = concat(passed)
    given_number = ticks.sequence[ticks.kind != HEARTBEAT]
    repeats = len(given_number) - len(np.unique(given_number))
    crossed = int((ticks.bid > ticks.ask).sum())
    assert {letter.reason for letter in dead} == {Dead.BAD_PRICE, Dead.UNKNOWN_KIND}
    assert any("nan" in letter.found for letter in dead)
    assert any("=-" in letter.found for letter in dead)
    assert repeats > 20
    assert crossed > 20
    assert gate.ticks_read == len(dead) + count(ticks) - gate.heartbeats
    prices = ticks.price[(ticks.kind == TRADE) & (ticks.symbol == 0)]
    assert 0 < (prices > 5 * np.median(prices)).sum() < 30


def test_a_clean_market_has_no_fault() -> None:
    gate, source = Gate(Universe(), lanes=2), market(faults=0.0)
    parts = [gate.step(Batch(1, arrivals)) for arrivals in read(source)]
    ticks = concat([part.ticks for part in parts])
    assert not any(part.dead for part in parts)
    assert (ticks.bid[ticks.kind == QUOTE] < ticks.ask[ticks.kind == QUOTE]).all()
    assert len(np.unique(ticks.sequence[ticks.kind != HEARTBEAT])) == (ticks.kind != HEARTBEAT).sum()


def test_the_book_says_something_true_and_modest_about_the_next_seconds() -> None:
    ticks = joined_with_symbols(market(symbols=8, duration_s=900, rate=10, faults=0.0))
    found = [imbalance_to_return(ticks, symbol, 5 * SECOND) for symbol in range(8)]
    assert 0.04 < float(np.mean(found)) < 0.35


def joined_with_symbols(source: SyntheticMarket) -> Ticks:
    return concat([part.ticks for part in read(source)])


def imbalance_to_return(ticks: Ticks, symbol: int, horizon_ns: int) -> float:
    """Correlate a quote's imbalance with the log return of the mid over the horizon."""
    rows = (ticks.kind == QUOTE) & (ticks.symbol == symbol)
    time, mid = ticks.ts_event[rows], (ticks.bid[rows] + ticks.ask[rows]) / 2
    imbalance = (ticks.bid_size[rows] - ticks.ask_size[rows]) / (ticks.bid_size[rows] + ticks.ask_size[rows])
    later = np.searchsorted(time, time + horizon_ns, side="right") - 1
    inside = time + horizon_ns <= time[-1]
    return float(np.corrcoef(imbalance[inside], np.log(mid[later[inside]] / mid[inside]))[0, 1])


def test_symbols_fall_silent_and_burst() -> None:
    ticks = joined_with_symbols(market(symbols=30, duration_s=600, rate=10, faults=0.0))
    seconds = (ticks.ts_event - OPENING) // SECOND
    counts = np.zeros((600, 30))
    rows = ticks.kind != HEARTBEAT
    np.add.at(counts, (seconds[rows], ticks.symbol[rows]), 1)
    busy = counts[:, counts.mean(axis=0) > 8]
    quiet = sum((busy[k : k + 5] == 0).all(axis=0).sum() for k in range(0, 600, 5))
    assert quiet > 0
    assert (busy.max(axis=0) > 4 * busy.mean(axis=0)).any()


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_recording_reads_back_as_the_market_was(tmp_path: Path, lanes: int) -> None:
    path = tmp_path / "market.parquet"
    written = write_parquet(market(lanes=lanes), path)
    recorded, shown = joined(read(FileSource([path], lanes=lanes))), joined(read(market(lanes=lanes)))
    assert count(recorded[0]) == written
    for field, left, right in zip(Ticks._fields, recorded[0], shown[0]):
        assert np.array_equal(left, right, equal_nan=left.dtype.kind == "f"), field
    assert recorded[1:] == shown[1:]


def test_what_can_be_no_market_is_refused() -> None:
    for wrong, found in [
        ({"duration_s": None}, "neither was given"),
        ({"symbols": 0}, "symbols 0"),
        ({"faults": 1.5}, "faults 1.5"),
    ]:
        with pytest.raises(ValueError, match=found):
            market(**wrong)


def test_a_return_keeps_offsets_and_numbers() -> None:
    source = market(batch_size=100)
    for _ in range(6):  # into the second chunk
        last = source.next_batch()
    resumed = market(batch_size=100)
    resumed.seek(listed(source.position()))
    following = resumed.next_batch()
    assert last is not None
    assert following is not None
    assert following.ticks.offset[0] == last.ticks.offset[-1] + 1
    assert following.ticks.sequence.max() > last.ticks.sequence.max()
