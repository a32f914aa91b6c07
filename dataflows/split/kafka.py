"""The channel of the split topology in Kafka: one topic, one partition a shard."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from dataflows.batch import NO_TICKS, Arrivals
from dataflows.interfaces import Snapshot
from dataflows.kafka.client import Cluster, cluster_of
from dataflows.kafka.outlet import Outlet
from dataflows.kafka.source import KafkaSource
from dataflows.kafka.topic import create
from dataflows.messages.formats import Headers
from dataflows.split.message import decode
from ops.settings import Settings
from schema.kafka import kafka_address
from schema.ticks import Bool

_NOTHING: Final = Arrivals(NO_TICKS, ())
_LOOK_S: Final = 0.05  # while nothing arrives, the barrier looks at its deadline so often


class KafkaChannel:
    """A shard's partition. A broker that is away is waited for; acknowledged is what the brokers have."""

    def __init__(self, cluster: Cluster, topic: str, partition: int, shards: int) -> None:
        """Append to a partition of `topic`, which is made with `shards` partitions where it isn't there.

        Raises ConfigurationError where it has another number of them, DependencyAway where no broker answers.
        """
        create(cluster, topic, shards)
        self._outlet, self._partition = Outlet(cluster, topic), partition

    def send(self, message: bytes) -> None:
        """Queue a message; waits while the queue is full."""
        self._outlet.send(message, self._partition, None)

    def commit(self, number: int) -> None:
        """Mark the end of a batch."""
        self._outlet.commit(number)

    def acknowledged(self) -> int:
        """Return the newest batch number up to which all messages are with the brokers. Any thread may ask."""
        return self._outlet.acknowledged()

    def flush(self) -> None:
        """Wait until all is delivered. Raises DependencyAway where the brokers acknowledge nothing more."""
        self._outlet.flush()

    def close(self) -> None:
        """Give up what isn't delivered. Never raises."""
        self._outlet.close()


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
