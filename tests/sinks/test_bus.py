"""The bus: newest values, subscribers that may be slow."""

from __future__ import annotations

import threading

import pytest

from dataflows.sinks.bus import InProcessBus, NullBus, open_bus


def test_the_newest_sequence_wins_whatever_the_order_of_arrival() -> None:
    bus = InProcessBus()
    listener = bus.subscribe("*")
    for sequence, body in ((1, b"old"), (3, b"new"), (2, b"late"), (3, b"repeat")):
        bus.publish("c", "k", body, sequence)
    assert bus.latest("k") == b"new" and bus.latest("other") is None
    assert [message.body for message in listener.take(0)] == [b"new"]


def test_a_slow_subscriber_gets_the_newest_of_each_key_and_no_queue() -> None:
    bus = InProcessBus()
    slow = bus.subscribe("predictions.*")
    for sequence in range(1, 10_001):
        symbol = "ABC"[sequence % 3]
        bus.publish(f"predictions.1m.{symbol}", f"prediction:1m:{symbol}", b"%d" % sequence, sequence)
    messages = slow.take(0)
    assert {message.key: message.body for message in messages} == {
        "prediction:1m:A": b"9999", "prediction:1m:B": b"10000", "prediction:1m:C": b"9998",
    }  # fmt: skip
    assert slow.take(0) == []


def test_subscribers_get_what_their_pattern_names() -> None:
    bus = InProcessBus()
    minute, apple = bus.subscribe("predictions.1m.*"), bus.subscribe("predictions.*.AAPL")
    for sequence, channel in enumerate(["predictions.1m.IBM", "predictions.1s.AAPL", "alerts"], 1):
        bus.publish(channel, "", b"", sequence)
    assert [message.channel for message in minute.take(0)] == ["predictions.1m.IBM"]
    assert [message.channel for message in apple.take(0)] == ["predictions.1s.AAPL"]


def test_take_wakes_up_for_a_message_and_for_the_end() -> None:
    bus = InProcessBus()
    listener = bus.subscribe("*")
    threading.Timer(0.02, bus.publish, ("c", "k", b"x", 1)).start()
    assert [message.body for message in listener.take(5)] == [b"x"]
    threading.Timer(0.02, bus.close).start()
    assert listener.take(5) == []


def test_a_closed_subscription_gets_nothing_more() -> None:
    bus = InProcessBus()
    listener = bus.subscribe("*")
    listener.close()
    bus.publish("c", "k", b"x", 1)
    assert listener.take(0) == []


def test_the_null_bus_drops_everything() -> None:
    bus = open_bus("null:")
    listener = bus.subscribe("*")
    bus.publish("c", "k", b"x", 1)
    assert isinstance(bus, NullBus) and bus.latest("k") is None and listener.take(0) == []


@pytest.mark.parametrize(("url", "says"), [("redis://h", "live issue"), ("tcp://h", "expected memory: or null:")])
def test_an_unknown_bus_url_says_what_is_understood(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        open_bus(url)
