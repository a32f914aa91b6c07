"""What a topic is: its identity, its partitions, the offsets it holds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Final, NamedTuple

import numpy as np
from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec  # type: ignore[attr-defined]

from dataflows.kafka.client import Cluster, explained
from ops.errors import ConfigurationError, DependencyAway
from schema.ticks import Int64

_LEADERLESS: Final = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
_AGAIN_S: Final = 0.05  # before such a partition is asked again


class Topic(NamedTuple):
    """A topic as it is now. One that was deleted and made again has another identity under the same name."""

    name: str
    identity: str  # the topic id, empty where the brokers give none
    partitions: int


class TopicAway(DependencyAway):
    """There is no such topic."""


class Topics:
    """Ask the brokers about one topic. Bounded in time by the cluster's `wait_s`."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        """Ask about `name`."""
        self.cluster, self.name = cluster, name
        self._admin = admin_of(cluster)

    def describe(self) -> Topic:
        """Return the topic. Raises TopicAway where there is none, DependencyAway where no broker answers."""
        return self.described(self.asked(self.cluster.wait_s))

    def asked(self, wait_s: float) -> Future[Any]:
        """Ask for the topic's description and return at once; the future is done within `wait_s`."""
        collection = TopicCollection([self.name])
        future: Future[Any] = self._admin.describe_topics(collection, request_timeout=wait_s)[self.name]
        return future

    def described(self, asked: Future[Any]) -> Topic:
        """Return what was asked for; waits if it isn't there yet. Raises as `describe`."""
        try:
            found = asked.result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise TopicAway(
                    f"kafka {self.cluster.servers}: there is no topic {self.name!r}, only {self._others()}; make it "
                    "(`undertone publish` with --partitions does), or correct source.url"
                ) from None
            raise explained(error, self.cluster, f"describing topic {self.name!r}") from None
        return Topic(self.name, str(found.topic_id or ""), len(found.partitions))

    def marks(self, partitions: Sequence[int]) -> tuple[Int64, Int64]:
        """Return the first offset held of each partition, and the one that the next message will get."""
        return self._offsets(partitions, OffsetSpec.earliest()), self._offsets(partitions, OffsetSpec.latest())

    def since(self, partitions: Sequence[int], time_ms: int) -> Int64:
        """Return the first offset of each partition appended at `time_ms` (Unix) or later, the end where none was."""
        found, (_, high) = self._offsets(partitions, OffsetSpec.for_timestamp(time_ms)), self.marks(partitions)
        return np.where(found < 0, high, found)

    def _offsets(self, partitions: Sequence[int], which: OffsetSpec) -> Int64:
        asked = {TopicPartition(self.name, partition): which for partition in partitions}
        until = time.monotonic() + self.cluster.wait_s
        while True:
            try:
                answers = self._admin.list_offsets(asked, request_timeout=self.cluster.wait_s)
                found = {place.partition: answer.result().offset for place, answer in answers.items()}
                return np.array([found[partition] for partition in partitions], np.int64)
            except KafkaException as error:
                # a partition that was just made, or whose leader changes, has none for a moment
                if error.args[0].code() not in _LEADERLESS or time.monotonic() > until:
                    raise explained(error, self.cluster, f"asking for offsets of topic {self.name!r}") from None
                time.sleep(_AGAIN_S)

    def _others(self) -> str:
        try:
            names = sorted(self._admin.list_topics(timeout=self.cluster.wait_s).topics)
        except KafkaException:
            return "unknown others"
        names = [name for name in names if not name.startswith("__")]
        return ", ".join(map(repr, names[:10])) + (f" and {len(names) - 10} more" if len(names) > 10 else "") or "none"


def admin_of(cluster: Cluster) -> AdminClient:
    """Return a client for questions; it forgets its answers when it is forgotten.

    Raises ConfigurationError for options that the client doesn't know.
    """
    try:
        return AdminClient(cluster.settings())
    except KafkaException as error:
        raise ConfigurationError(
            f"setting kafka.options: {error.args[0].str()}; the options are those of librdkafka (its CONFIGURATION.md)"
        ) from None


def create(cluster: Cluster, name: str, partitions: int) -> bool:
    """Make a topic; return whether it wasn't there.

    Raises ConfigurationError where it is there with another number of partitions, DependencyAway where no broker
    answers.
    """
    admin = admin_of(cluster)
    made = admin.create_topics([NewTopic(name, partitions)], operation_timeout=cluster.wait_s)[name]
    try:
        made.result()
        is_new = True
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise explained(error, cluster, f"making topic {name!r}") from None
        is_new = False
    found = _known(Topics(cluster, name))
    if found.partitions != partitions:
        raise ConfigurationError(
            f"topic {name!r} has {found.partitions} partitions, --partitions asks for {partitions}; leave --partitions "
            "away, or name another topic"
        )
    return is_new


def ensure(cluster: Cluster, name: str, partitions: int) -> Topic:
    """Return a topic; it is made with so many partitions where it isn't there."""
    try:
        return Topics(cluster, name).describe()
    except TopicAway:
        create(cluster, name, partitions)
    return Topics(cluster, name).describe()


def _known(topics: Topics) -> Topic:
    """Return a topic that was just made; a broker says that it is there a little before it knows it and leads it."""
    until = time.monotonic() + topics.cluster.wait_s
    while True:
        try:
            found = topics.describe()
            topics.marks(range(found.partitions))
            return found
        except DependencyAway:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
