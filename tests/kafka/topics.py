"""What the tests of Kafka share: topics of their own, a small market in them, reading a topic to its end."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.batch import Arrivals
from dataflows.interfaces import EndOfInput, Source
from dataflows.kafka.client import Cluster
from dataflows.kafka.producer import Delivery
from dataflows.kafka.publisher import Publisher
from dataflows.kafka.source import KafkaSource
from dataflows.kafka.topic import Topics, create
from dataflows.messages.formats import Format
from dataflows.sources.synthetic import SyntheticMarket
from ops.settings import Settings, load
from schema.ticks import HEARTBEAT, Ticks, concat, take

TIME = 1_381_190_400_000_000_000
SYMBOLS = 8
WAIT_S = 20.0


def new_topic(servers: str, partitions: int = 4) -> str:
    name = f"ticks-{uuid.uuid4().hex[:12]}"
    create(Cluster(servers), name, partitions)
    return name


def admin(servers: str) -> AdminClient:
    return AdminClient(Cluster(servers).settings())


def remake(servers: str, topic: str, partitions: int) -> None:
    """Delete a topic and make one of the same name."""
    client = admin(servers)
    client.delete_topics([topic])[topic].result()
    until = time.monotonic() + WAIT_S
    while topic in client.list_topics(timeout=5).topics and time.monotonic() < until:
        time.sleep(0.05)
    create(Cluster(servers), topic, partitions)


def add_partitions(servers: str, topic: str, total: int) -> None:
    client = admin(servers)  # kept: one that is forgotten forgets its answers
    client.create_partitions([NewPartitions(topic, total)])[topic].result()


def delete_before(servers: str, topic: str, offsets: Iterable[int]) -> None:
    """Delete what each partition holds before an offset, as retention does."""
    client = admin(servers)
    places = [TopicPartition(topic, partition, offset) for partition, offset in enumerate(offsets)]
    for answer in client.delete_records(places).values():
        answer.result()


def committed(servers: str, group: str) -> dict[int, int]:
    """The offsets that a group shows, by partition."""
    client = admin(servers)
    asked = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
    return {place.partition: place.offset for place in asked[group].result().topic_partitions}


def ends(servers: str, topic: str) -> dict[int, int]:
    """The offset behind the last message of each partition."""
    known = Topics(Cluster(servers), topic)
    return dict(enumerate(known.marks(range(known.describe().partitions))[1].tolist()))


def market(seconds: float = 20.0, lanes: int = 4, **options: Any) -> Source:
    return SyntheticMarket(SYMBOLS, duration_s=seconds, lanes=lanes, batch_size=999, **options)


def names() -> list[str]:
    return [f"SYN{k:03d}" for k in range(SYMBOLS)]


@contextmanager
def delivering(servers: str, topic: str, **options: Any) -> Iterator[Delivery]:
    """A producer whose messages are all delivered at the end."""
    delivery = Delivery(Cluster(servers), topic, **options)
    try:
        yield delivery
        assert delivery.flush(WAIT_S) == 0
    finally:
        delivery.close()


def publish(
    servers: str, topic: str, arrivals: Iterable[Arrivals], form: Format = Format.COLUMNS, batch: int = 100,
    beat_ns: int | None = None, lanes: int = 4,
) -> None:  # fmt: skip
    """Publish batches, and heartbeats `beat_ns` behind the newest tick at the end."""
    with delivering(servers, topic) as delivery:
        publisher = Publisher(delivery, form, batch)
        for part in arrivals:
            publisher.publish(part)
        if beat_ns is not None:
            publisher.beat(publisher.newest + beat_ns, lanes)


def raw(servers: str, topic: str) -> list[tuple[int, bytes | None, bytes]]:
    """All messages that a topic holds now: partition, key, value."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": f"raw-{topic}", "auto.offset.reset": "earliest"})
    partitions = len(admin(servers).list_topics(topic, timeout=10).topics[topic].partitions)
    places = [TopicPartition(topic, partition, 0) for partition in range(partitions)]
    n = sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
    consumer.assign(places)
    messages: list[Any] = []
    until = time.monotonic() + WAIT_S
    while len(messages) < n and time.monotonic() < until:
        messages += [message for message in consumer.consume(1000, 0.1) if message.error() is None]
    consumer.close()
    return [(message.partition(), message.key(), message.value()) for message in messages]


def read_for(source: Source, enough: Callable[[list[Arrivals]], bool], seconds: float = WAIT_S) -> list[Arrivals]:
    """Read until it is enough, or until the input ends."""
    parts: list[Arrivals] = []
    until = time.monotonic() + seconds
    while not enough(parts):
        assert time.monotonic() < until, f"only {sum(len(p.ticks.kind) for p in parts)} ticks came"
        try:
            arrivals = source.next_batch()
        except EndOfInput:
            return parts
        if arrivals is None:
            time.sleep(0.001)
        else:
            parts.append(arrivals)
    return parts


def read_all(source: Source) -> list[Arrivals]:
    return read_for(source, lambda parts: False, seconds=3 * WAIT_S)


def by_lane(parts: Iterable[Arrivals], ignored: tuple[str, ...] = ("offset", "index")) -> list[list[tuple[Any, ...]]]:
    """The ticks of each lane in their order, comparable: names instead of codes, NaN as None."""
    parts = list(parts)
    symbols = [part.names[code] if code >= 0 else "" for part in parts for code in part.ticks.symbol]
    ticks = concat([part.ticks for part in parts])
    fields = [field for field in Ticks._fields if field not in (*ignored, "symbol")]
    columns = [[None if x != x else x for x in getattr(ticks, field).tolist()] for field in fields]
    rows = list(zip(symbols, *columns))
    lanes = int(ticks.lane.max(initial=-1)) + 1
    return [[rows[k] for k in np.flatnonzero(ticks.lane == lane).tolist()] for lane in range(lanes)]


def without_beats(ticks: Ticks) -> Ticks:
    return take(ticks, ticks.kind != HEARTBEAT)


def settings(*more: str) -> Settings:
    """A flow of few columns over the market's symbols, in this order, so that ids don't depend on who comes first."""
    return load(
        [],
        [
            "bars.timeframes=1s,10s", "features.families=calendar", "inference.model=none", "store.url=null:",
            "bus.url=null:", f"universe.symbols={','.join(names())}", *more,
        ],
        {},
        {},
    )  # fmt: skip


def run(source: Source, *more: str, checkpoints: Path | None = None) -> dict[str, Any]:
    """Run the flow to the input's end; return its counts and its certificate."""
    flow = assemble(settings(*more), source, checkpoint_folder=checkpoints)
    try:
        flow.pipeline.run()
        flow.finish()
        return outcome(flow)
    finally:
        flow.close()


def outcome(flow: Flow) -> dict[str, Any]:
    return {**asdict(flow.tally.counts), "certificate": flow.certifier.certificate().digest}


def opened(servers: str, topic: str, **options: Any) -> KafkaSource:
    return KafkaSource(Cluster(servers), topic, **options)
