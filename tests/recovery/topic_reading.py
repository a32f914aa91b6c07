"""The verifier's own reading of a topic of ticks: another consumer, other cuts, no checkpoint, no heartbeat skipped."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import numpy as np
from confluent_kafka import Consumer, TopicPartition

from dataflows.batch import Arrivals
from dataflows.messages.decode import Decoder


class Record(NamedTuple):
    """A message."""

    partition: int
    offset: int
    value: bytes
    headers: Any


def read_topic(servers: str, topic: str) -> list[Record]:
    """Return all messages that the topic holds now, each partition's in order."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "verifier", "enable.auto.commit": "false"})
    try:
        partitions = sorted(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
        places = [TopicPartition(topic, partition, 0) for partition in partitions]
        ends = [consumer.get_watermark_offsets(place, timeout=20) for place in places]
        assert all(low == 0 for low, _ in ends), f"topic {topic} has lost its beginning: {ends}"
        consumer.assign(places)
        found: list[Record] = []
        for _ in range(10_000):
            if len(found) == sum(high for _, high in ends):
                return found
            messages = consumer.consume(5_000, 0.2)
            found += [_record(message) for message in messages if not message.error()]
        raise AssertionError(f"topic {topic}: {len(found)} messages came, {ends} are there")
    finally:
        consumer.close()


def _record(message: Any) -> Record:
    return Record(message.partition(), message.offset(), message.value(), message.headers())


class TopicCopy:
    """A source over messages that were read before; a seed draws how the partitions interleave and where it cuts."""

    def __init__(self, topic: str, records: list[Record], seed: int) -> None:
        """Begin at the beginning."""
        self._topic, self._decoder, self._random = topic, Decoder(), random.Random(seed)
        partitions = sorted({record.partition for record in records})
        self._left = [[r for r in records if r.partition == partition] for partition in partitions]
        self.lanes = tuple(map(str, partitions))

    @property
    def ended(self) -> bool:
        return not any(self._left)

    def next_batch(self) -> Arrivals | None:
        """Return some messages of some partitions, None behind the last: like a topic, it has no end."""
        chosen: list[Record] = []
        for lane, left in enumerate(self._left):
            n = self._random.randint(0, 40)
            chosen += left[:n]
            self._left[lane] = left[n:]
        if not chosen:
            return None if self.ended else self.next_batch()
        lanes = np.array([self.lanes.index(str(record.partition)) for record in chosen])
        offsets = np.array([record.offset for record in chosen])
        return self._decoder.decode([r.value for r in chosen], [r.headers for r in chosen], lanes, offsets)

    def position(self) -> dict[str, Any]:
        return {}

    def seek(self, position: dict[str, Any]) -> None:
        raise AssertionError("a copy is read once")

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Resolve as the topic's source does."""
        return [self._topic] * len(lane), np.array([int(self.lanes[k]) for k in lane.tolist()], np.int32), offset

    def close(self) -> None:
        pass
