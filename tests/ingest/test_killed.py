"""`undertone ingest` as a process: killed at random points, drained, refused."""

from __future__ import annotations

import itertools
import json
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.runs import adds_up, command, environment, undertone
from tests.ingest.exchange import FakeExchange, Faults, in_background
from tests.ingest.ledger import Ledger, hold
from tests.ingest.recording import SYMBOLS, exchange_of


def started(exchange: FakeExchange, folder: Path, *more: str, target: str = "") -> subprocess.Popen[str]:
    settings = {
        "ingest.url": exchange.url, "ingest.target": target or f"segments:///{folder}/log", "ingest.stall_s": 1,
        "ingest.reorder_ms": 300, "ingest.backoff_s": 0.05, "ingest.backoff_most_s": 0.2, "ingest.metrics_port": 0,
        "ingest.sync_ms": 50, "ingest.segment_mb": 0.1, "ingest.outage_ms": 500, "ingest.batch_ms": 5, "ingest.seed": 1,
    }  # fmt: skip
    chosen = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    return subprocess.Popen(
        [*command("ingest", exchange.venue, "--symbols", ",".join(exchange.symbols), "--json"), *chosen, *more],
        cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def waited(exchange: FakeExchange, connections: int) -> None:
    """Wait until so many have subscribed, and messages have come since."""
    deadline = time.monotonic() + 60
    while len(exchange.subscriptions) < connections and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(exchange.subscriptions) >= connections


def ended(process: subprocess.Popen[str]) -> tuple[dict[str, Any], str]:
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors[-2000:]
    answer: dict[str, Any] = json.loads(out)
    return answer, errors


@pytest.mark.slow
@pytest.mark.parametrize("venue", SYMBOLS)
def test_killed_at_random_points_nothing_is_twice_and_each_start_marks_a_gap(venue: str, tmp_path: Path) -> None:
    kills, dice = 6, random.Random(11)
    exchange = exchange_of(venue, drop=0.01, repeat=0.05, overtake=0.02, close=0.001)
    with in_background(exchange):
        for _ in range(kills):
            process = started(exchange, tmp_path)
            waited(exchange, len(exchange.subscriptions) + 1)
            time.sleep(0.3 + dice.random())
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=60)
            assert Ledger.of(tmp_path / "log").repeated == []  # readable, whatever stood at its end
        exchange.faults = Faults()
        process = started(exchange, tmp_path)
        waited(exchange, len(exchange.subscriptions) + 1)
        time.sleep(1.5)
        process.send_signal(signal.SIGTERM)
        answer, _ = ended(process)
    ledger = Ledger.of(tmp_path / "log")
    lost = hold(ledger, exchange)
    assert lost
    assert ledger.reasons()["start"] >= kills * len(exchange.symbols)
    assert answer["gaps"]["start"] >= len(exchange.symbols)
    assert len(list((tmp_path / "log" / venue).glob("*.segment"))) > 1


def test_an_outage_is_marked_in_pieces_while_it_lasts(tmp_path: Path) -> None:
    exchange = exchange_of("binance")
    with in_background(exchange):
        process = started(exchange, tmp_path)
        waited(exchange, 1)
        time.sleep(1.0)
        exchange.faults = Faults(close=1.0, refuse=1_000_000)
        time.sleep(3.0)
        process.send_signal(signal.SIGTERM)
        answer, _ = ended(process)
    ledger = Ledger.of(tmp_path / "log")
    hold(ledger, exchange)
    pieces = [gap.details for gap in ledger.gaps if gap.symbol == "BTCUSDT"]
    assert len(pieces) >= 3
    assert all(a["end"] == b["begin"] for a, b in itertools.pairwise(pieces))
    assert set(ledger.heartbeats) >= {piece["end"] for piece in pieces}
    assert pieces[-1]["end"] - pieces[0]["begin"] > 1_500_000_000
    assert answer["lost"]["refused"] > 5
    assert {gap.details["reason"] for gap in ledger.gaps} == {"closed"}


def test_a_torn_end_is_said_and_cut(tmp_path: Path) -> None:
    exchange = exchange_of("coinbase")
    with in_background(exchange):
        for _ in range(2):
            process = started(exchange, tmp_path, "--for", "3s")
            answer, errors = ended(process)
            newest = sorted((tmp_path / "log" / "coinbase").glob("*.segment"))[-1]
            with newest.open("ab") as file:
                file.write(b"\x10\0\0\0half a record")
        assert "torn" in errors
        assert "bytes=17" in errors
        assert answer["trades"] > 0
    assert len(Ledger.of(tmp_path / "log").ticks) > 0


@pytest.mark.slow
def test_what_was_ingested_is_run_and_replayed(tmp_path: Path) -> None:
    exchange = exchange_of("coinbase", garbage=0.02)
    with in_background(exchange):
        answer, _ = ended(started(exchange, tmp_path, "--for", "4s"))
    ticks = answer["trades"] + answer["quotes"] + answer["unreadable"]
    small = ["--set", "features.families=calendar", "--set", "bars.timeframes=1s", "--set", "inference.model=none"]
    log = f"source.url=segments:///{tmp_path}/log"
    live = {"ticks_read": 0}
    for _ in range(20):  # each goes on where the last one was drained
        live = undertone(
            "run", "--for", "3s", "--engine", "in-process", "--set", log, "--set", "metrics.port=0", *small,
            folder=tmp_path,
        )  # fmt: skip
        if live["ticks_read"] >= ticks:
            break
    assert live["ticks_read"] == ticks
    first = undertone("replay", "log", *small, folder=tmp_path)
    second = undertone("replay", "log", "--pace", "50x", *small, folder=tmp_path)
    assert first["ticks_read"] == second["ticks_read"] == ticks
    assert first["ticks_dead"] == {"malformed": answer["unreadable"]}
    assert first["certificate"] == second["certificate"]
    assert adds_up(first)
    assert first["bars"] > 6


def test_two_on_one_log_are_refused(tmp_path: Path) -> None:
    exchange = exchange_of("coinbase")
    with in_background(exchange):
        first = started(exchange, tmp_path)
        waited(exchange, 1)
        second = started(exchange, tmp_path)
        _, errors = second.communicate(timeout=60)
        assert second.returncode == 75
        assert f"process {first.pid} writes it" in errors
        first.send_signal(signal.SIGINT)
        ended(first)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nasdaq", "--symbols", "A"], 2, "expected one of binance, coinbase"),
        (["binance"], 78, "setting ingest.symbols is empty"),
        (["binance", "--symbols", ",".join(f"S{k}" for k in range(513))], 78, "takes 512"),
        (["binance", "--symbols", "A", "--to", "segments:"], 78, "names no folder"),
        (["binance", "--symbols", "A", "--set", "ingest.url=http://x"], 78, "wss://host"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    arguments: list[str], code: int, says: str, tmp_path: Path
) -> None:
    ran = subprocess.run(
        command("ingest", *arguments, "--set", "ingest.metrics_port=0"), cwd=tmp_path, env=environment(),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ran.returncode, says in ran.stderr) == (code, True), ran.stderr
