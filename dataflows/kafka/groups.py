"""Offsets of checkpoints, committed to a consumer group so that lag tools see them. Nothing here reads them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from ops import metrics
from ops.log import logger


class Committed:
    """Sends commits without waiting for them; one that fails is said and the next one tried."""

    def __init__(self, topic: str, partitions: Sequence[int]) -> None:
        """Commit offsets of these partitions."""
        self._topic, self._partitions = topic, tuple(partitions)
        self._waiting = 0
        self._log = logger("kafka")

    def send(self, consumer: Consumer, offsets: Sequence[int]) -> None:
        """Commit the next offset of each partition. Never raises."""
        places = [TopicPartition(self._topic, p, at) for p, at in zip(self._partitions, offsets, strict=True)]
        try:
            consumer.commit(offsets=places, asynchronous=True)
            self._waiting += 1
        except KafkaException as error:
            self._failed(error.args[0])

    def answered(self, error: KafkaError | None, places: Sequence[TopicPartition]) -> None:
        """Take the answer of a commit; the client calls it while it is polled."""
        self._waiting -= 1
        error = error or next((place.error for place in places if place.error is not None), None)
        if error is not None:
            self._failed(error)

    def wait(self, consumer: Consumer, seconds: float) -> None:
        """Wait for the answers. Polls: call it when nothing is read any more. Never raises."""
        until = time.monotonic() + seconds
        try:
            consumer.assign([])
            while self._waiting > 0 and time.monotonic() < until:
                consumer.poll(0.05)
        except (KafkaException, RuntimeError) as error:  # RuntimeError: closed before
            self._log.debug("commits were not waited for", error=str(error))

    def _failed(self, error: KafkaError) -> None:
        metrics.COMMITS_FAILED.inc()
        self._log.warning("offsets could not be committed to the group; lag tools lag", error=error.str())
