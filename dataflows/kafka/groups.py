"""Offsets of checkpoints, committed to a consumer group so that lag tools see them. Nothing here reads them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal, Protocol

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from ops import metrics
from ops.log import logger


class Commits(Protocol):
    """Sends a commit."""

    def commit(self, *, offsets: list[TopicPartition], asynchronous: Literal[True]) -> Any:
        """Begin to commit these offsets; the answer comes by a callback. Raises KafkaException."""
        ...


class Leaves(Commits, Protocol):
    """A consumer that reads nothing any more."""

    def assign(self, partitions: list[TopicPartition]) -> None:
        """Read these partitions from now on."""

    def poll(self, timeout: float) -> object:
        """Serve callbacks for at most some seconds."""


class Committed:
    """Sends commits without waiting for them; one that fails is said and the next one tried.

    One commit is under way at a time, the newest offsets wait for its answer: the client tries a commit again that the
    group's coordinator couldn't take yet, and would then write old offsets over newer ones sent in between.
    """

    def __init__(self, topic: str, partitions: Sequence[int]) -> None:
        """Commit offsets of these partitions."""
        self._topic, self._partitions = topic, tuple(partitions)
        self._under_way = False
        self._newest: Sequence[int] | None = None  # still to be sent
        self._log = logger("kafka")

    def send(self, consumer: Commits, offsets: Sequence[int]) -> None:
        """Commit the next offset of each partition, when the commit before it is answered. Never raises."""
        self._newest = offsets
        self.go_on(consumer)

    def go_on(self, consumer: Commits) -> None:
        """Send what waits, if nothing is under way. Never raises."""
        if self._under_way or self._newest is None:
            return
        places = [TopicPartition(self._topic, p, at) for p, at in zip(self._partitions, self._newest, strict=True)]
        self._newest = None
        try:
            consumer.commit(offsets=places, asynchronous=True)
            self._under_way = True
        except KafkaException as error:
            self._failed(error.args[0])

    def answered(self, error: KafkaError | None, places: Sequence[TopicPartition]) -> None:
        """Take the answer of a commit; the client calls it while it is polled."""
        self._under_way = False
        error = error or next((place.error for place in places if place.error is not None), None)
        if error is not None:
            self._failed(error)

    def wait(self, consumer: Leaves, seconds: float) -> None:
        """Send what waits and wait for the answers. Polls: call it when nothing is read any more. Never raises."""
        until = time.monotonic() + seconds
        try:
            consumer.assign([])
            self.go_on(consumer)
            while self._under_way and time.monotonic() < until:
                consumer.poll(0.05)
                self.go_on(consumer)
        except (KafkaException, RuntimeError) as error:  # RuntimeError: closed before
            self._log.debug("commits were not waited for", error=str(error))

    def _failed(self, error: KafkaError) -> None:
        metrics.COMMITS_FAILED.inc()
        self._log.warning("offsets could not be committed to the group; lag tools lag", error=error.str())
