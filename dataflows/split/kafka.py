"""The channel of the split topology in Kafka: one topic, one partition a shard."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from dataflows.batch import NO_TICKS, Arrivals
from dataflows.interfaces import Snapshot
from dataflows.kafka.client import Cluster, cluster_of
from dataflows.kafka.producer import Delivery
from dataflows.kafka.source import KafkaSource
from dataflows.kafka.topic import create
from dataflows.messages.formats import Headers
from dataflows.split.message import decode
from ops.errors import DependencyAway
from ops.settings import Settings
from schema.kafka import kafka_address
from schema.ticks import Bool

_NOTHING: Final = Arrivals(NO_TICKS, ())
_LOOK_S: Final = 0.05  # while nothing arrives, the barrier looks at its deadline so often
_FLUSH_S: Final = 60.0


class KafkaChannel:
    """A shard's partition. Acknowledged is what the brokers have."""

    def __init__(self, cluster: Cluster, topic: str, partition: int, shards: int) -> None:
        """Append to a partition of `topic`, which is made with `shards` partitions where it isn't there.

        Raises ConfigurationError where it has another number of them, DependencyAway where no broker answers.
        """
        create(cluster, topic, shards)
        self._delivery, self._partition = Delivery(cluster, topic), partition
        self._commits: deque[tuple[int, int]] = deque()  # batch number, messages sent up to its end
        self._acknowledged = 0

    def send(self, message: bytes) -> None:
        """Queue a message. Raises DependencyAway where an earlier one could not be delivered."""
        self._delivery.send(message, self._partition, None)

    def commit(self, number: int) -> None:
        """Mark the end of a batch, and take what the brokers have answered."""
        self._commits.append((number, self._delivery.sent))
        self._delivery.poll()
        self._count()

    def acknowledged(self) -> int:
        """Return the newest batch number up to which all messages are with the brokers."""
        return self._acknowledged

    def flush(self) -> None:
        """Wait until all is delivered. Raises DependencyAway where it isn't within a minute."""
        if left := self._delivery.flush(_FLUSH_S):
            raise DependencyAway(
                f"kafka: {left} feature messages are not delivered after {_FLUSH_S:g} s; see that the brokers are up, "
                "then start again: what was not delivered is computed anew"
            )
        self._count()

    def close(self) -> None:
        """Give up what isn't delivered. Never raises."""
        self._delivery.close()

    def _count(self) -> None:
        while self._commits and self._commits[0][1] <= self._delivery.delivered:
            self._acknowledged = self._commits.popleft()[0]


class RowsDecoder:
    """Reads the shards' messages."""

    def __init__(self, fingerprint: str, width: int) -> None:
        """Expect `width` columns of this fingerprint."""
        self._fingerprint, self._width = fingerprint, width

    def decode(
        self, values: Sequence[bytes | None], headers: Sequence[Headers | None], lane: ArrayLike, offset: ArrayLike
    ) -> Arrivals:
        """Return the rows of n messages, in their order. Raises Unreadable for one of other columns."""
        return Arrivals(
            NO_TICKS, (), shards=tuple(decode(value or b"", self._fingerprint, self._width) for value in values)
        )


class KafkaRows:
    """What all shards say. While they say nothing an empty batch comes now and then, for the barrier's deadline."""

    def __init__(self, settings: Settings, fingerprint: str, width: int) -> None:
        """Read the topic of `split.url` from the beginning, or from where `seek` says. Raises as KafkaSource does."""
        address = kafka_address(settings.split.url)
        cluster = cluster_of(settings, address.servers)
        create(cluster, address.topic, len(settings.split.shards))
        self._topic = KafkaSource(
            cluster, address.topic, group=f"{settings.source.group}-rows", decoder=RowsDecoder(fingerprint, width)
        )
        self.lanes = self._topic.lanes
        self._looked = time.monotonic()

    def next_batch(self) -> Arrivals | None:
        """Return what arrived, or nothing in a batch, or None."""
        arrivals, now = self._topic.next_batch(), time.monotonic()
        if arrivals is None and now - self._looked < _LOOK_S:
            return None
        self._looked = now
        return _NOTHING if arrivals is None else arrivals

    def position(self) -> Snapshot:
        """Return where the next read begins."""
        return self._topic.position()

    def seek(self, position: Snapshot) -> None:
        """Continue there."""
        self._topic.seek(position)

    def hold(self, lanes: Bool) -> None:
        """Nothing is ever held: the barrier takes what comes."""

    def acknowledged(self, position: Snapshot) -> None:
        """Show a checkpoint's offsets in the group."""
        self._topic.acknowledged(position)

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Resolve to topic, partition and offset of the shard's message."""
        return self._topic.origin(lane, offset)

    def close(self) -> None:
        """Leave the brokers."""
        self._topic.close()


def open_channel(settings: Settings) -> KafkaChannel:
    """Open the channel of the shard `split.shard`."""
    address, shards = kafka_address(settings.split.url), settings.split.shards
    return KafkaChannel(
        cluster_of(settings, address.servers), address.topic, shards.index(settings.split.shard), len(shards)
    )
