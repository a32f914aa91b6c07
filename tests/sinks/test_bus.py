"""What every bus has to do: newest values, subscribers that may be slow."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from dataflows.sinks.bus import Bus, Message, NullBus, Subscription, open_bus
from tests.sinks.conftest import new_namespace


@pytest.fixture(params=["memory", "redis"])
def bus(request: pytest.FixtureRequest) -> Iterator[Bus]:
    """A bus that keeps what it is given."""
    url = request.getfixturevalue("redis_server") if request.param == "redis" else "memory:"
    opened = open_bus(url, new_namespace())
    opened.refill_from(lambda sequence: iter(()), fresh=True)
    yield opened
    opened.close()


@pytest.fixture
def name() -> str:
    """A prefix of channels and keys that no other test has: the tests share a server."""
    return new_namespace()


def collected(bus: Bus, listener: Subscription, last: bytes) -> dict[str, Message]:
    """Return the newest message of each channel, once the last one came."""
    assert bus.flush(30)
    found: dict[str, Message] = {}
    until = time.monotonic() + 30
    while last not in {message.body for message in found.values()}:
        assert time.monotonic() < until, f"{last!r} never came"
        found |= {message.channel: message for message in listener.take(0.1)}
    return found


def test_the_newest_sequence_wins_whatever_the_order_of_arrival(bus: Bus, name: str) -> None:
    listener = bus.subscribe(f"{name}*")
    for sequence, body in ((1, b"old"), (3, b"new"), (2, b"late"), (3, b"repeat")):
        bus.publish(f"{name}c", f"{name}k", body, sequence)
    bus.publish(f"{name}end", f"{name}end", b"end", 4)
    assert collected(bus, listener, b"end")[f"{name}c"].body == b"new"
    assert bus.latest(f"{name}k") == b"new" and bus.latest(f"{name}other") is None


def test_a_slow_subscriber_gets_the_newest_of_each_key_and_no_queue(bus: Bus, name: str) -> None:
    slow = bus.subscribe(f"{name}:predictions.*")
    for sequence in range(1, 10_001):
        symbol = "ABC"[sequence % 3]
        bus.publish(f"{name}:predictions.1m.{symbol}", f"{name}:prediction:1m:{symbol}", b"%d" % sequence, sequence)
    messages = collected(bus, slow, b"10000").values()
    assert {message.key: message.body for message in messages} == {
        f"{name}:prediction:1m:{symbol}": body for symbol, body in (("A", b"9999"), ("B", b"10000"), ("C", b"9998"))
    }
    assert slow.take(0) == []
    assert all(bus.latest(message.key) == message.body for message in messages)


def test_subscribers_get_what_their_pattern_names(bus: Bus, name: str) -> None:
    minute, apple = bus.subscribe(f"{name}predictions.1m.*"), bus.subscribe(f"{name}predictions.*.AAPL")
    channels = [f"{name}{channel}" for channel in ("predictions.1m.IBM", "predictions.1s.AAPL", "alerts")]
    for sequence, channel in enumerate(channels, 1):
        bus.publish(channel, "", b"%d" % sequence, sequence)
    assert set(collected(bus, minute, b"1")) == {channels[0]}
    assert set(collected(bus, apple, b"2")) == {channels[1]}


def test_take_wakes_up_for_a_message_and_for_the_end(bus: Bus, name: str) -> None:
    listener = bus.subscribe(f"{name}*")
    threading.Timer(0.02, bus.publish, (f"{name}c", "k", b"x", 1)).start()
    assert [message.body for message in listener.take(30)] == [b"x"]
    threading.Timer(0.02, listener.close).start()
    assert listener.take(30) == []


def test_a_closed_subscription_gets_nothing_more(bus: Bus, name: str) -> None:
    listener = bus.subscribe(f"{name}*")
    listener.close()
    bus.publish(f"{name}c", "k", b"x", 1)
    assert bus.flush(30) and listener.take(0) == []


def test_the_null_bus_drops_everything() -> None:
    bus = open_bus("null:")
    listener = bus.subscribe("*")
    bus.publish("c", "k", b"x", 1)
    assert isinstance(bus, NullBus) and bus.latest("k") is None and listener.take(0) == []


def test_an_unknown_bus_url_says_what_is_understood() -> None:
    with pytest.raises(ValueError, match=r"expected memory:, redis://host:port/db or null:"):
        open_bus("tcp://h")
