"""What the feed sends: every tick once, due at the rate, whatever the slices; what the subscriber makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.live import market
from benchmarks.live.feed import Order, send
from benchmarks.live.listener import Heard
from dataflows.messages.decode import Decoder
from dataflows.messages.formats import Format, headers_of
from schema.ticks import Ticks

START = 1_700_000_000_000_000_000
TICKS = 30_000


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> market.Pool:
    path = tmp_path_factory.mktemp("pool") / "pool.npz"
    drawn = market.draw(20)
    market.save(drawn, path)
    loaded = market.load(path)
    assert loaded.names == drawn.names
    return loaded


class Topic:
    """Takes messages instead of Kafka."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.lanes: list[int] = []

    def send(self, value: bytes, lane: int, form: Format) -> None:
        self.values.append(value)
        self.lanes.append(lane)

    def poll(self, seconds: float = 0.0) -> None:
        """Nothing to answer."""


@pytest.mark.parametrize("form", [Format.COLUMNS, Format.JSON])
def test_every_tick_is_sent_once_and_due_at_the_rate(pool: market.Pool, form: Format) -> None:
    topic: Any = Topic()
    first = len(pool.delay) - TICKS // 2  # over the end of the pool
    order = Order("", "", "", "", rate=50_000.0, ticks=TICKS, first=first, form=str(form), paced=False)
    log = send(order, START, pool, topic)
    ticks = read(topic, form)
    number = np.sort(ticks.sequence)
    assert number.tolist() == list(range(first, first + TICKS))
    due = START + ((ticks.sequence - first) / 50_000.0 * 1e9).astype(np.int64)
    assert np.abs(ticks.ts_recv - due).max() <= 2000  # ns: of a float
    assert (ticks.ts_event <= ticks.ts_recv).all()
    assert max(log.due) == START + int(TICKS / 50_000.0 * 1e9)
    assert max(log.newest) == ticks.ts_event.max()


def test_a_message_is_due_when_its_last_tick_has_arrived(pool: market.Pool) -> None:
    topic: Any = Topic()
    log = send(Order("", "", "", "", 50_000.0, TICKS, paced=False), START, pool, topic)
    decoder = Decoder()
    for k in range(0, len(topic.values), 97):
        ticks = decoder.decode([topic.values[k]], [headers_of(Format.COLUMNS)], [0], [k]).ticks
        assert 0 < log.due[k] - ticks.ts_recv.max() <= 5_000_000
        assert log.newest[k] == ticks.ts_event.max()


def read(topic: Any, form: Format) -> Ticks:
    headers = [headers_of(form) if form is Format.COLUMNS else None] * len(topic.values)
    offsets = np.arange(len(topic.values))
    return Decoder().decode(topic.values, headers, np.array(topic.lanes), offsets).ticks


def test_the_subscriber_reads_messages_cut_anywhere() -> None:
    body = b'{"prediction_id":"tick:8:A:B:%d:7:5:net_2026","sequence":%d,"more":[1]}'
    messages = b"".join(_push(b"ns:predictions.tick:8.A", body % (START + k, k)) for k in range(50))
    subscribed = b"*3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:1\r\n"
    heard = Heard()
    data = subscribed + messages
    for stamp, at in enumerate(range(0, len(data), 37)):
        heard.feed(stamp, data[at : at + 37])
    assert list(heard.sequence) == list(range(50))
    assert list(heard.time) == [START + k for k in range(50)]
    assert list(heard.stamp) == sorted(heard.stamp)


def _push(channel: bytes, body: bytes) -> bytes:
    parts = (b"pmessage", b"*", channel, body)
    return b"*4\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
