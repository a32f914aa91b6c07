"""Predictions and features into topics while their broker keeps silent: it is seen, it is bounded, nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dataflows.kafka import outlet
from dataflows.kafka.client import Cluster
from dataflows.kafka.sink import RowTopic, WithKafka
from dataflows.sinks.memory import MemoryStore
from dataflows.sinks.station import Sinks
from ops.errors import DependencyAway
from schema.events import Decision, DecisionKind
from tests.kafka.topics import new_topic, raw
from tests.network.live import Servers
from tests.sinks.batches import FEATURES, SYMBOLS, TIMEFRAMES, full_batch, origin


def wait(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)


@pytest.mark.slow
def test_a_silent_broker_is_seen_holds_checkpoints_back_and_stops_no_decision(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers.heal()
    topic, proxy = new_topic(servers.kafka, 2), servers.behind["kafka"]
    rows = RowTopic(Cluster(f"127.0.0.1:{proxy.port}"), topic, 2)
    store = WithKafka(MemoryStore("live", FEATURES), FEATURES, {"predictions": rows})
    station = Sinks(
        store, _Quiet(), symbols=SYMBOLS, timeframes=TIMEFRAMES, origin=origin, fingerprint="f" * 16, clock=lambda: 7
    )  # type: ignore[arg-type]
    station.step(full_batch(1))
    store.flush()
    assert (store.acknowledged(), store.state().name) == (1, "up")

    monkeypatch.setattr(outlet, "_AWAY_S", 1.0)
    monkeypatch.setattr(outlet, "_GIVE_UP_S", 2.0)
    proxy.half_open()
    station.step(full_batch(2))
    began = time.monotonic()
    station.record(Decision(1, DecisionKind.ACTIVATE, "m2"))
    assert time.monotonic() - began < 1.0, "a decision needs the store alone"
    wait(lambda: store.state().name == "away")
    assert topic in store.state().detail and "messages wait" in store.state().detail
    assert store.acknowledged() == 1, "no checkpoint counts before the topic has its rows"
    with pytest.raises(DependencyAway, match=r"has not acknowledged 3 messages.*then resume") as caught:
        store.flush()
    assert caught.value.exit_code == 75 and proxy.felt

    proxy.heal()
    wait(lambda: store.acknowledged() == 2)
    store.flush()
    assert store.state().name == "up"
    stored = [row["sequence"] for row in store.query("SELECT sequence FROM predictions ORDER BY sequence")]
    assert len({value for _, _, value in raw(servers.kafka, topic)}) == len(stored) == 6
    store.close()


class _Quiet:
    """A bus that drops everything."""

    def publish_all(self, messages: object) -> None: ...

    def state(self) -> object:
        from dataflows.sinks.state import UP

        return UP
