"""A topic as an ingester's target: a symbol always goes to the same partition, the feed's progress to all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from confluent_kafka import Consumer, KafkaException, TopicPartition

from dataflows.ingest.target import Tail
from dataflows.kafka.client import Cluster, explained
from dataflows.kafka.producer import Delivery
from dataflows.kafka.topic import Topics
from dataflows.messages.decode import Decoder
from dataflows.messages.encode import encode_columns, encode_event
from dataflows.messages.formats import Format
from dataflows.sources.files import lanes_of
from ops.errors import DependencyAway
from schema.events import Event
from schema.ticks import HEARTBEAT, Ticks, count, take

TAIL_MESSAGES: Final = 2_000  # of each partition that a start reads back
_CLOSE_S: Final = 30.0  # how long the last messages may take


class KafkaTarget:
    """Appends to a topic through an idempotent producer. What isn't acknowledged when the process dies is lost.

    The next start finds that in the numbers at the topic's end, and marks it. A broker that is away makes `write`
    wait once the producer's queue is full.
    """

    cut_bytes = 0  # a broker leaves nothing torn

    def __init__(self, cluster: Cluster, topic: str) -> None:
        """Find the topic. Raises DependencyAway where there is none, or no broker answers."""
        self.name = f"kafka://{cluster.servers}/{topic}"
        self._cluster, self._topic = cluster, topic
        self._topics = Topics(cluster, topic)
        self._partitions = self._topics.describe().partitions
        self._delivery = Delivery(cluster, topic)

    def tail(self) -> Tail:
        """Read the last messages of each partition back."""
        every = range(self._partitions)
        low, high = self._topics.marks(every)
        begin = np.maximum(low, high - TAIL_MESSAGES)
        messages = self._read(begin, high)
        arrivals = Decoder().decode(
            [message.value() for message in messages], [message.headers() for message in messages],
            [message.partition() for message in messages], [message.offset() for message in messages],
        )  # fmt: skip
        return Tail(None, arrivals)

    def remember(self, state: Callable[[], dict[str, Any]]) -> None:
        """Ask for nothing: a topic holds no state, its end has to do."""

    def write(
        self, ticks: Ticks, names: Sequence[str], events: Sequence[Event], unreadable: Sequence[bytes]
    ) -> None:  # fmt: skip
        """Queue events, ticks and heartbeats for their partitions; what was unreadable goes to the first."""
        for event in events:
            partition = int(lanes_of([event.symbol], self._partitions)[0])
            self._delivery.send(encode_event(event), partition, Format.JSON, event.symbol.encode())
        if count(ticks):
            lane, beats = lanes_of(names, self._partitions)[ticks.symbol], ticks.kind == HEARTBEAT
            for partition in range(self._partitions):
                rows = (lane == partition) | beats
                if rows.any():
                    self._delivery.send(encode_columns(take(ticks, rows), names), partition, Format.COLUMNS)
        for body in unreadable:
            self._delivery.send(body, 0, Format.JSON)
        self._delivery.poll()

    def idle(self) -> None:
        """Take the broker's answers."""
        self._delivery.poll()

    def close(self) -> None:
        """Wait until all is delivered. Raises DependencyAway where it isn't in time."""
        waiting = self._delivery.flush(_CLOSE_S)
        self._delivery.close()
        if waiting:
            raise DependencyAway(
                f"{self.name}: {waiting} messages were not acknowledged within {_CLOSE_S:g} s; start again when the "
                "broker is back: what is missing is marked as a gap"
            )

    def _read(self, begin: np.ndarray, end: np.ndarray) -> list[Any]:
        """Return the messages from `begin` to `end` of each partition, in their order."""
        places = [
            TopicPartition(self._topic, partition, int(begin[partition]))
            for partition in np.flatnonzero(begin < end).tolist()
        ]  # fmt: skip
        found: list[Any] = []
        if not places:
            return found
        consumer = Consumer(self._cluster.settings(group_id="undertone-ingest", enable_auto_commit=False))
        try:
            consumer.assign(places)
            wanted, until = int((end - begin).sum()), time.monotonic() + 3 * self._cluster.wait_s
            reached = begin.copy()
            while (reached < end).any() and time.monotonic() < until:
                for message in consumer.consume(min(wanted, 10_000), 0.2):
                    partition, offset = message.partition(), message.offset()
                    if message.error() is None and offset is not None and offset < end[partition]:
                        found.append(message)
                        reached[partition] = offset + 1
        except KafkaException as error:
            raise explained(error, self._cluster, f"reading the end of topic {self._topic!r}") from None
        finally:
            consumer.close()
        if (reached < end).any():
            raise DependencyAway(
                f"{self.name}: its end could not be read within {3 * self._cluster.wait_s:g} s; start again, or wait "
                "longer (kafka.wait_s)"
            )
        return sorted(found, key=lambda message: (message.partition(), message.offset()))
