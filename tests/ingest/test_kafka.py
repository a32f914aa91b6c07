"""The same laws where the target is a topic of a real Kafka: killed, restarted, replayed."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from dataflows.assembly.assemble import assemble
from dataflows.kafka.client import Cluster
from dataflows.kafka.source import KafkaSource
from ops.settings import load
from tests.ingest.exchange import Faults, in_background
from tests.ingest.ledger import Ledger, hold
from tests.ingest.recording import exchange_of
from tests.ingest.test_killed import ended, started, waited
from tests.kafka.topics import new_topic

PARTITIONS, KILLS = 3, 3


def read_back(servers: str, topic: str, **options: Any) -> KafkaSource:
    return KafkaSource(Cluster(servers), topic, finite=True, **options)


def replayed(source: KafkaSource) -> tuple[str, dict[str, Any]]:
    settings = load(
        [], ["bars.timeframes=1s", "features.families=calendar", "inference.model=none", "store.url=null:",
             "bus.url=null:", "universe.symbols=BTC-USD,ETH-USD,SOL-USD"], {}, {},
    )  # fmt: skip
    flow = assemble(settings, source)
    flow.pipeline.run()
    digest, counts = flow.certifier.certificate().digest, flow.tally.counts
    flow.close()
    return digest, {"read": counts.ticks_read, "bars": counts.bars, "lost": counts.lost()}


@pytest.mark.slow
def test_killed_ingesters_lose_nothing_unmarked_in_a_topic(kafka: str, tmp_path: Path) -> None:
    topic, dice = new_topic(kafka, PARTITIONS), random.Random(4)
    target = f"kafka://{kafka}/{topic}"
    exchange = exchange_of("coinbase", 5, drop=0.01, repeat=0.05, overtake=0.02, close=0.001, garbage=0.01)
    with in_background(exchange):
        for _ in range(KILLS):
            process = started(exchange, tmp_path, target=target)
            waited(exchange, len(exchange.subscriptions) + 1)
            time.sleep(0.5 + dice.random())
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=60)
        exchange.faults = Faults()
        process = started(exchange, tmp_path, target=target)
        waited(exchange, len(exchange.subscriptions) + 1)
        time.sleep(2.0)
        process.send_signal(signal.SIGTERM)
        ended(process)
    ledger = Ledger.of(read_back(kafka, topic))
    assert hold(ledger, exchange)
    assert ledger.reasons()["start"] >= KILLS * len(exchange.symbols)
    assert ledger.unreadable
    places = {(symbol, tick["lane"]) for (_, symbol, _), tick in ledger.ticks.items()}
    assert len(places) == len(exchange.symbols)  # a symbol's trades and quotes share a partition
    first = replayed(read_back(kafka, topic))
    assert first == replayed(read_back(kafka, topic, batch_ticks=50))
    assert first[1]["lost"] == 0
    assert first[1]["bars"] > 10


@pytest.mark.parametrize(
    ("target", "code", "says"),
    [
        ("kafka://{servers}/nowhere", 75, "there is no topic 'nowhere'"),
        ("kafka://127.0.0.1:1/ticks", 75, "no broker answered"),
        ("kafka://nowhere", 78, "expected kafka://host:port/topic"),
    ],
)
def test_a_topic_that_can_not_be_written_is_said(target: str, code: int, says: str, kafka: str, tmp_path: Path) -> None:
    exchange = exchange_of("coinbase")
    exchange.port = 9
    address = target.format(servers=kafka)
    process = started(exchange, tmp_path, "--set", "kafka.wait_s=2", target=address)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, says in errors) == (code, True), errors
