"""A log holds what a misbehaving exchange really sent, each message once, and every loss lies in a gap mark."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ingest.ledger import hold
from tests.ingest.recording import SYMBOLS, exchange_of, record
from tests.ingest.wire import TRADE


@pytest.mark.parametrize("venue", SYMBOLS)
def test_a_faultless_feed_is_written_whole_without_a_mark(venue: str, tmp_path: Path) -> None:
    exchange = exchange_of(venue)
    recorder, ledger = record(exchange, tmp_path, 1.0)
    assert hold(ledger, exchange) == []
    assert ledger.gaps == []
    assert len(ledger.ticks) > 500
    assert recorder.totals.trades + recorder.totals.quotes == len(ledger.ticks)
    assert len(ledger.heartbeats) >= 2


@pytest.mark.parametrize("venue", SYMBOLS)
def test_repeats_and_overtaking_lose_nothing_and_mark_nothing(venue: str, tmp_path: Path) -> None:
    exchange = exchange_of(venue, repeat=0.1, overtake=0.1)
    recorder, ledger = record(exchange, tmp_path, 2.0)
    assert hold(ledger, exchange) == []
    assert ledger.gaps == []
    assert recorder.totals.duplicates > 20
    assert exchange.happened["overtake"] > 20


@pytest.mark.parametrize("venue", SYMBOLS)
def test_each_lost_trade_lies_in_a_mark_of_its_own(venue: str, tmp_path: Path) -> None:
    exchange = exchange_of(venue, drop=0.05, overtake=0.05, repeat=0.05)
    recorder, ledger = record(exchange, tmp_path, 2.0)
    lost = hold(ledger, exchange)
    assert lost
    assert all(made.kind == TRADE for made in lost)
    assert set(ledger.reasons()) == {"sequence"}
    assert recorder.totals.missing == len(lost)


@pytest.mark.parametrize("venue", SYMBOLS)
def test_garbage_is_kept_as_dead_letters_and_marks_nothing(venue: str, tmp_path: Path) -> None:
    exchange = exchange_of(venue, garbage=0.05)
    recorder, ledger = record(exchange, tmp_path, 1.5)
    assert hold(ledger, exchange) == []
    assert ledger.gaps == []
    assert recorder.totals.unreadable == len(ledger.unreadable) > 5
    assert exchange.happened["garbage"] >= len(ledger.unreadable)


@pytest.mark.parametrize(
    ("faults", "reason"), [({"stall": 0.004}, "stall"), ({"huge": 0.004}, "too_big"), ({"close": 0.004}, "closed")]
)
def test_each_way_to_lose_a_connection_is_a_gap_of_all_symbols(
    faults: dict[str, float], reason: str, tmp_path: Path
) -> None:
    exchange = exchange_of("coinbase", **faults)
    recorder, ledger = record(exchange, tmp_path, 3.0)
    assert hold(ledger, exchange)
    assert recorder.totals.lost[reason] >= 1
    assert {gap.symbol for gap in ledger.gaps if gap.details["reason"] == reason} == set(exchange.symbols)
    assert set(ledger.reasons()) <= {reason, "sequence"}


@pytest.mark.parametrize("venue", SYMBOLS)
@pytest.mark.parametrize("seed", [1, 2])
def test_everything_at_once(venue: str, seed: int, tmp_path: Path) -> None:
    exchange = exchange_of(
        venue, seed, drop=0.01, repeat=0.02, overtake=0.02, garbage=0.01, huge=0.0005, close=0.002, stall=0.0006,
        refuse=1,
    )  # fmt: skip
    recorder, ledger = record(exchange, tmp_path, 8.0)
    lost = hold(ledger, exchange)
    assert lost
    assert {"drop", "repeat", "overtake", "garbage", "close", "refuse"} <= exchange.happened.keys()
    assert recorder.totals.connections == len(exchange.subscriptions) > 2
    assert ledger.reasons()["closed"] >= len(exchange.symbols)
    assert sum(ledger.reasons().values()) == sum(recorder.totals.gaps.values())
