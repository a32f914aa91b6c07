"""What only the bus on Redis promises: a stream that misses nothing, and a flow that never waits for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from dataflows.sinks.bus import Message, NullBus
from dataflows.sinks.memory import MemoryStore
from dataflows.sinks.redis_bus import RedisBus
from dataflows.sinks.redis_script import Mode
from dataflows.sinks.refill import published
from dataflows.sinks.station import STATUS, Sinks
from schema.alerts import Alert, AlertKind, AlertState
from schema.channels import prediction_key_of
from schema.times import iso
from tests.servers import Running, running_redis
from tests.sinks.batches import FEATURES, START, SYMBOLS, TIMEFRAMES, full_batch, origin, predictions_for
from tests.sinks.conftest import new_namespace

NOW = 1_700_000_000_000_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A Redis of this file's own, which its tests kill and freeze; it forgets everything when it dies."""
    with running_redis(tmp_path_factory.mktemp("redis"), save="", appendonly="no") as running:
        yield running


@pytest.fixture
def opened(server: Running) -> Iterator[Callable[..., RedisBus]]:
    buses: list[RedisBus] = []
    namespace = new_namespace()

    def opener(**options: Any) -> RedisBus:
        buses.append(RedisBus(server.address, namespace, **options))
        return buses[-1]

    server.start()
    yield opener
    server.start()
    for bus in buses:
        bus.close()


def entries(server: Running, bus: RedisBus) -> list[int]:
    """Return the sequences in the stream."""
    found = redis.Redis.from_url(server.address).xrange(bus._connection._stream)
    return [int(entry.split(b"-")[0]) for entry, _ in found]


def message(sequence: int, key: str = "prediction:1m:A") -> Message:
    return Message("predictions.1m.A", key, b"%d" % sequence, sequence)


def wait(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.01)


def sinks(store: Any, bus: Any, namespace: str) -> Sinks:
    return Sinks(
        store, bus, symbols=SYMBOLS, timeframes=TIMEFRAMES, origin=origin, fingerprint="f" * 16, clock=lambda: NOW,
        namespace=namespace,
    )  # fmt: skip


def test_repeats_are_rejected_without_failing_what_comes_with_them(
    opened: Callable[..., RedisBus], server: Running
) -> None:
    bus = opened()
    bus.publish_all([message(k) for k in (1, 2, 3)])
    bus.publish_all([message(k) for k in (2, 3, 4, 4, 5)])
    assert bus.flush(30)
    assert entries(server, bus) == [1, 2, 3, 4, 5]
    assert bus.latest("prediction:1m:A") == b"5"


def test_a_fresh_run_begins_with_an_empty_stream_and_a_resumed_one_goes_on(
    opened: Callable[..., RedisBus], server: Running
) -> None:
    bus = opened()
    bus.publish_all([message(k) for k in (7, 8)])
    assert bus.flush(30)
    bus.refill_from(lambda sequence: iter(()), fresh=False)
    bus.publish_all([message(k) for k in (8, 9)])
    assert bus.flush(30) and entries(server, bus) == [7, 8, 9]
    bus.refill_from(lambda sequence: iter(()), fresh=True)
    bus.publish_all([message(1)])
    assert bus.flush(30) and entries(server, bus) == [1]
    assert bus.latest("prediction:1m:A") == b"1"


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_an_outage_slows_nobody_and_the_stream_is_whole_afterwards(
    opened: Callable[..., RedisBus], server: Running, fault: str
) -> None:
    bus, store = opened(timeout=0.3, queue=30), MemoryStore(feature_names=FEATURES)
    namespace = bus._connection._stream.split(":")[0]
    bus.refill_from(published(store, namespace), fresh=True)
    station = sinks(store, bus, namespace)
    for number in range(1, 6):
        station.step(full_batch(number))
    assert bus.flush(30)
    getattr(server, fault)()
    slowest = 0.0
    for number in range(6, 206):
        began = time.perf_counter()
        station.step(full_batch(number))
        slowest = max(slowest, time.perf_counter() - began)
        time.sleep(0.002)
    wait(lambda: bus.state().name == "away")
    state = bus.state()
    assert slowest < 0.25, "the flow must not wait for an answer (0.3 s)"
    assert state.waiting == 30 and state.rejected > 500 and state.since > 0 and "Error" in state.detail
    server.start()
    wait(lambda: bus.state().name == "up")
    station.step(full_batch(206))
    assert bus.flush(60)
    stored = store.query("SELECT sequence FROM predictions ORDER BY sequence")
    assert entries(server, bus) == [row["sequence"] for row in stored]
    newest = json.loads(bus.latest(f"{namespace}:prediction:1m:IBM") or b"{}")
    assert newest["sequence"] > 3 * 205 and newest["bar_sequence"] == 206
    assert json.loads(store.get_meta(STATUS) or "{}")["bus"]["name"] in ("up", "away")


def test_the_stream_waits_for_rows_that_the_store_does_not_have_yet(
    opened: Callable[..., RedisBus], server: Running
) -> None:
    stored: list[Message] = []
    bus = opened(queue=5)
    bus.refill_from(lambda sequence: iter([one for one in stored if one.sequence > sequence]), fresh=True)
    assert bus.flush(30)
    server.pause()
    bus.publish_all([message(k) for k in range(1, 21)])
    server.resume()
    wait(lambda: bus.latest("prediction:1m:A") == b"20")
    assert not bus.flush(0.5) and entries(server, bus) == [], "1 to 15 were dropped, and nobody has stored them"
    stored += [message(k) for k in range(1, 21)]
    assert bus.flush(30) and entries(server, bus) == list(range(1, 21))


def test_a_backlog_reaches_listeners_newest_first_and_the_stream_in_order(
    opened: Callable[..., RedisBus], server: Running
) -> None:
    bus = opened()
    assert bus.flush(30)
    listener = redis.Redis.from_url(server.address).pubsub(ignore_subscribe_messages=True)
    listener.psubscribe("predictions.*")
    listener.get_message(timeout=5)
    bus.publish_all([message(k) for k in range(1, 5_001)])
    assert bus.flush(30)
    heard = [found["data"] for found in iter(lambda: listener.get_message(timeout=0.5), None)]
    assert heard == [b"5000"] and entries(server, bus) == list(range(1, 5_001))
    listener.close()


def test_a_server_that_is_away_from_the_start_is_only_a_state() -> None:
    bus = RedisBus("redis://:secret@127.0.0.1:9/0", timeout=0.2)
    bus.publish("c", "k", b"x", 1)
    wait(lambda: bus.state().name == "away")
    assert bus.latest("k") is None and not bus.flush(0.1) and "secret" not in bus.state().detail
    began = time.monotonic()
    bus.close()
    assert time.monotonic() - began < 5.0


def test_what_was_published_is_read_again_from_the_store() -> None:
    store = MemoryStore(feature_names=FEATURES)
    station = sinks(store, NullBus(), "live")
    for number in (1, 2):
        batch = full_batch(number)
        batch.shadows = [predictions_for(batch.bars, "challenger")]
        station.step(batch)
    above = published(store, "live")
    assert [found.sequence for found in above(0)] == [1, 2, 3, 4, 5, 6]
    assert [found.sequence for found in above(2)] == [3, 4, 5, 6]
    found = next(above(5))
    assert (found.channel, found.key) == ("predictions.1m.IBM", "prediction:1m:IBM")
    assert json.loads(found.body)["sequence"] == 6 and list(above(6)) == []


def test_alerts_and_new_champions_have_channels(server: Running) -> None:
    """Each message reaches whoever listens, with the names of the contract."""
    server.start()
    listener = redis.Redis.from_url(server.address).pubsub(ignore_subscribe_messages=True)
    listener.subscribe("alerts", "models.active")
    time.sleep(0.2)
    bus = RedisBus(server.address)
    bus.refill_from(lambda sequence: iter(()), fresh=True)
    station = sinks(MemoryStore(feature_names=FEATURES), bus, "live")
    for number, version in ((1, "m1"), (2, "m1"), (3, "m2")):
        batch = full_batch(number)
        batch.predictions = [predictions_for(batch.bars, version)]
        jump = Alert(START + number, AlertKind.JUMP, AlertState.RAISED, 1, 0, {"score": 9.0})
        drift = Alert(START + number, AlertKind.FEATURE_DRIFT, AlertState.CLEARED, 1)
        batch.alerts = [jump, drift]
        station.step(batch)
    assert bus.flush(30)
    found: dict[bytes, list[Any]] = {b"alerts": [], b"models.active": []}
    until = time.monotonic() + 30
    while sum(map(len, found.values())) < 8 and time.monotonic() < until:
        if (got := listener.get_message(timeout=0.1)) is not None:
            found[got["channel"]].append(json.loads(got["data"]))
    assert [(m["kind"], m["state"], m["symbol"]) for m in found[b"alerts"]] == [
        ("jump", "raised", "AAPL"), ("feature_drift", "cleared", "")
    ] * 3  # fmt: skip
    assert found[b"alerts"][0] == {
        "timestamp": iso(START + 1), "kind": "jump", "state": "raised", "symbol": "AAPL", "timeframe": "1m",
        "details": {"score": 9.0},
    }  # fmt: skip
    assert found[b"models.active"] == [
        {"timeframe": "1m", "model_version": "m1", "before": None, "since": iso(START + 10**9)},
        {"timeframe": "1m", "model_version": "m2", "before": "m1", "since": iso(START + 3 * 10**9)},
    ]
    assert redis.Redis.from_url(server.address).exists("alerts", "models.active") == 0, "they are sent, not kept"
    listener.close()
    bus.close()


@pytest.mark.parametrize(
    ("channel", "key"),
    [
        ("predictions.1m.BRK.B", "prediction:1m:BRK.B"),
        ("replay:predictions.1s.BTC:USD", "replay:prediction:1s:BTC:USD"),
        ("predictions.tick:5.A", "prediction:tick:5:A"),
        ("alerts", None),
        ("models.active", None),
    ],
)
def test_the_key_follows_from_the_channel(channel: str, key: str | None) -> None:
    assert prediction_key_of(channel) == key


def test_listeners_are_told_at_once_and_the_stream_is_not_put_off_for_ever(
    opened: Callable[..., RedisBus], server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = opened()
    assert bus.flush(30)
    sent: list[tuple[str, int]] = []
    send = bus._connection.send

    def recorded(messages: list[Message], mode: Mode) -> None:
        sent.append((str(mode), len(messages)))
        send(messages, mode)

    monkeypatch.setattr(bus._connection, "send", recorded)
    sequence, until = 0, time.monotonic() + 60
    while sequence < 20 or not entries(server, bus):  # it never falls silent
        assert time.monotonic() < until, f"nothing of {sequence} messages reached the stream"
        sequence += 1
        bus.publish_all([message(sequence, f"prediction:1m:{sequence}")])
        time.sleep(0.001)
    assert bus.flush(30) and entries(server, bus) == list(range(1, sequence + 1))
    told = streamed = 0
    for mode, n in sent:
        told, streamed = told + n * (mode == "newest"), streamed + n * (mode == "stream")
        assert told >= streamed, "the stream got what listeners were not told yet"
    assert told == streamed == sequence


def test_a_server_that_forgot_everything_is_told_the_script_and_the_values_again(
    opened: Callable[..., RedisBus], server: Running
) -> None:
    bus = opened()
    bus.publish_all([message(1)])
    assert bus.flush(30)
    redis.Redis.from_url(server.address).script_flush()
    bus.publish_all([message(2), message(3, "prediction:1m:B")])
    assert bus.flush(30) and entries(server, bus) == [1, 2, 3]
    assert (bus.latest("prediction:1m:A"), bus.latest("prediction:1m:B")) == (b"2", b"3")
    assert bus.state().name == "up"
