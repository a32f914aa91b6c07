"""The recorder by a clock of its own: outages, stalls, restarts, garbage."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataflows.ingest.clock import SECOND
from dataflows.ingest.recorder import MILLISECOND, Recorder, Times
from dataflows.ingest.target import SegmentTarget
from dataflows.ingest.venues import venue_of
from dataflows.segments.writer import Policy
from schema.times import parse_iso
from tests.ingest.ledger import Ledger
from tests.ingest.wire import TRADE, Made, binance, coinbase, coinbase_heartbeat, text

START = parse_iso("2026-01-05T14:00:00Z")
TIMES = Times(reorder=500 * MILLISECOND, heartbeat=SECOND, outage=5 * SECOND)


def ms(n: float) -> int:
    return START + int(n * MILLISECOND)


def recorder(root: Path, venue: str = "binance", now: int = START, symbols: tuple[str, ...] = ("A", "B")) -> Recorder:
    target = SegmentTarget(root, venue, Policy(sync_ms=-1, segment_bytes=2_000))
    return Recorder(venue_of(venue), symbols, target, TIMES, now)


def trade(number: int, time: int, symbol: str = "A", venue: str = "binance") -> bytes:
    made = Made(TRADE, symbol, number, time, price=100.0, size=1.0)
    return text({"binance": binance, "coinbase": coinbase}[venue](made)).encode()


def marks(root: Path, symbol: str = "A") -> list[tuple[str, float, float]]:
    """Reason, begin and end (ms since the start) of a symbol's gaps."""
    return [
        (gap.details["reason"], (gap.details["begin"] - START) / 1e6, (gap.details["end"] - START) / 1e6)
        for gap in Ledger.of(root).gaps
        if gap.symbol == symbol
    ]


def test_an_empty_log_begins_without_a_gap(tmp_path: Path) -> None:
    first = recorder(tmp_path)
    first.take(trade(1, ms(0)), ms(0))
    first.drain(ms(10))
    assert marks(tmp_path) == []


def test_a_lost_connection_is_a_gap_of_all_symbols_up_to_what_comes_next(tmp_path: Path) -> None:
    feed = recorder(tmp_path)
    feed.take(trade(1, ms(1000)), ms(1010))
    feed.lost("closed", ms(1200))
    feed.lost("refused", ms(1900))  # it goes on: the first reason stays
    feed.take(trade(2, ms(2990)), ms(3000))
    feed.drain(ms(3010))
    assert marks(tmp_path) == marks(tmp_path, "B") == [("closed", 500.0, 2990.0)]


def test_trades_missed_in_an_outage_are_marked_up_to_the_symbols_next_trade(tmp_path: Path) -> None:
    feed = recorder(tmp_path)
    feed.take(trade(1, ms(1000)), ms(1000))
    feed.lost("closed", ms(1200))
    feed.take(trade(7, ms(2000), "B"), ms(2000))
    feed.take(trade(5, ms(4000)), ms(4000))
    feed.drain(ms(4001))
    assert marks(tmp_path) == [("closed", 500.0, 2000.0), ("sequence", 1000.0, 4000.0)]
    assert marks(tmp_path, "B") == [("closed", 500.0, 2000.0)]
    assert feed.totals.missing == 3


def test_what_is_missing_when_the_connection_goes_is_marked_at_once(tmp_path: Path) -> None:
    feed = recorder(tmp_path)
    feed.take(trade(1, ms(1000)), ms(1000))
    feed.take(trade(3, ms(1100)), ms(1100))
    feed.lost("closed", ms(1101))
    assert marks(tmp_path) == [("sequence", 1000.0, 1100.0)]
    feed.drain(ms(1102))


def test_a_mark_stands_before_what_comes_behind_the_gap(tmp_path: Path) -> None:
    """So that no tick moves the watermark past the bars that it marks."""
    feed = recorder(tmp_path)
    feed.take(trade(1, ms(1000)), ms(1000))
    feed.lost("closed", ms(1200))
    feed.take(trade(2, ms(9000)), ms(9000))
    feed.drain(ms(9001))
    ledger = Ledger.of(tmp_path)
    assert max(gap.offset for gap in ledger.gaps) < ledger.ticks["trade", "A", 2]["offset"]


def test_a_long_outage_is_marked_piece_by_piece_with_heartbeats(tmp_path: Path) -> None:
    feed = recorder(tmp_path)
    feed.take(trade(1, ms(1000)), ms(1100))  # our clock is 100 ms late
    feed.lost("stall", ms(2000))
    for now in range(2000, 14_000, 50):
        feed.pause(ms(now), connected=False)
    feed.take(trade(2, ms(14_000)), ms(14_100))
    feed.drain(ms(14_200))
    assert marks(tmp_path) == [("stall", 500.0, 6900.0), ("stall", 6900.0, 11_900.0), ("stall", 11_900.0, 14_000.0)]
    assert Ledger.of(tmp_path).heartbeats == [ms(1000), ms(6900), ms(11_900), ms(14_000)]


def test_a_restart_is_a_gap_from_what_the_log_ends_with(tmp_path: Path) -> None:
    feed = recorder(tmp_path)
    for number in range(1, 200):
        feed.take(trade(number, ms(number * 10)), ms(number * 10))
        feed.pause(ms(number * 10), connected=True)
    feed.drain(ms(2000))
    assert len(list((tmp_path / "binance").glob("*.segment"))) > 2
    again = recorder(tmp_path, now=ms(9000))
    again.take(trade(199, ms(1990)), ms(9000))  # a repeat of the last one ends the outage, and is no second tick
    again.take(trade(200, ms(9100)), ms(9100))
    again.drain(ms(9200))
    assert marks(tmp_path) == [("start", 1490.0, 9000.0)]
    assert again.totals.duplicates == 1
    assert Ledger.of(tmp_path).repeated == []


def test_a_quiet_symbol_is_remembered_over_segments_and_starts(tmp_path: Path) -> None:
    feed = recorder(tmp_path)
    feed.take(trade(7, ms(1), "B"), ms(1))
    for number in range(1, 200):
        feed.take(trade(number, ms(number * 10)), ms(number * 10))
        feed.pause(ms(number * 10), connected=True)
    feed.drain(ms(2000))
    again = recorder(tmp_path, now=ms(9000))
    again.take(trade(7, ms(1), "B"), ms(9000))
    again.take(trade(10, ms(9100), "B"), ms(9100))
    again.drain(ms(9200))
    assert marks(tmp_path, "B") == [("start", 1490.0, 9000.0), ("sequence", 1.0, 9100.0)]
    assert again.totals.duplicates == 1


def test_a_hole_that_a_kill_left_undeclared_is_marked_at_the_next_start(tmp_path: Path) -> None:
    feed = recorder(tmp_path)
    feed.take(trade(1, ms(100)), ms(100))
    feed.take(trade(4, ms(2000)), ms(2000))
    feed.flush(connected=True)
    feed.target.close()  # killed: nothing else is written
    again = recorder(tmp_path, now=ms(5000))
    again.take(trade(5, ms(5000)), ms(5000))
    again.pause(ms(5600), connected=True)
    again.drain(ms(5600))
    third = recorder(tmp_path, now=ms(8000))
    third.drain(ms(9000))
    assert marks(tmp_path) == [("start", 1500.0, 5000.0), ("sequence", 100.0, 2000.0)]  # once, not at each start


def test_a_clean_stop_declares_what_is_open(tmp_path: Path) -> None:
    feed = recorder(tmp_path)
    feed.take(trade(1, ms(100)), ms(100))
    feed.take(trade(3, ms(200)), ms(200))
    feed.drain(ms(201))
    assert marks(tmp_path) == [("sequence", 100.0, 200.0)]


def test_a_trade_older_than_the_log_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    feed = recorder(tmp_path)
    feed.take(trade(1, ms(1000)), ms(1000))
    feed.drain(ms(1100))
    again = recorder(tmp_path, now=ms(2000))
    again.take(trade(77, ms(900), "B"), ms(2100))
    again.take(trade(78, ms(2200), "B"), ms(2200))
    again.drain(ms(2300))
    assert [key for key in Ledger.of(tmp_path).ticks if key[1] == "B"] == [("trade", "B", 78)]


def test_heartbeats_of_the_venue_are_written_once_a_second_of_event_time(tmp_path: Path) -> None:
    feed = recorder(tmp_path, "coinbase")
    for k in range(31):
        for symbol in ("A", "B"):
            raw = text(coinbase_heartbeat(symbol, 0, ms(k * 100))).encode()
            feed.take(raw, ms(k * 100 + 7))
            feed.pause(ms(k * 100 + 8), connected=True)
    feed.drain(ms(4000))
    ledger = Ledger.of(tmp_path)
    assert ledger.heartbeats == [ms(k * 1000) for k in range(4)]
    assert ledger.gaps == []


def test_a_heartbeat_tells_of_a_lost_trade_that_nothing_follows(tmp_path: Path) -> None:
    feed = recorder(tmp_path, "coinbase")
    feed.take(trade(5, ms(100), venue="coinbase"), ms(110))
    feed.take(text(coinbase_heartbeat("A", 7, ms(1000))).encode(), ms(1010))
    feed.pause(ms(1100), connected=True)
    feed.pause(ms(1600), connected=True)
    feed.drain(ms(1700))
    assert marks(tmp_path) == [("sequence", 100.0, 1000.0)]


def test_a_symbol_that_was_not_asked_for_is_refused(tmp_path: Path) -> None:
    feed = recorder(tmp_path)
    feed.take(trade(1, ms(0), "EVIL"), ms(0))
    feed.drain(ms(1))
    (letter,) = Ledger.of(tmp_path).unreadable
    assert "evil@trade" in letter
    assert feed.totals.unreadable == 1


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe\x00", b'{"a":"\xc3("}', b"x" * 100_000, b"[" * 100_000])
def test_garbage_is_kept_in_an_excerpt_with_its_time(raw: bytes, tmp_path: Path) -> None:
    feed = recorder(tmp_path)
    feed.take(trade(1, ms(0)), ms(10))
    assert feed.take(raw, ms(20)) is None
    feed.drain(ms(30))
    ledger = Ledger.of(tmp_path)
    (letter,) = ledger.unreadable
    assert '{"unreadable":' in letter
    assert len(letter) < 400
    assert len(ledger.ticks) == 1
    assert ledger.gaps == []


def test_a_time_far_ahead_moves_no_mark(tmp_path: Path) -> None:
    feed = recorder(tmp_path)
    feed.take(trade(1, ms(1000)), ms(1000))
    feed.take(trade(2, START + 400 * 86_400 * SECOND), ms(1100))
    feed.lost("closed", ms(1200))
    feed.take(trade(3, ms(2000)), ms(2000))
    feed.drain(ms(2100))
    assert marks(tmp_path) == [("closed", 500.0, 2000.0)]
