"""Commits of offsets to a group, against a client whose answers come late."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from dataflows.kafka.groups import Committed
from ops import metrics


class Late:
    """A client whose commits stay under way until they are let through, in any order."""

    def __init__(self) -> None:
        self.under_way: list[list[TopicPartition]] = []
        self.group: dict[int, int] = {}
        self.refuses = False
        self.answers: Callable[[None, list[TopicPartition]], None] | None = None

    def assign(self, partitions: list[TopicPartition]) -> None:
        assert partitions == []

    def poll(self, timeout: float) -> None:
        if self.under_way and self.answers is not None:
            self.answers(None, self.let_through(random.Random(0)))

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> Any:
        assert asynchronous
        if self.refuses:
            raise KafkaException(KafkaError(KafkaError._FAIL))
        self.under_way.append(offsets)

    def let_through(self, rng: random.Random) -> list[TopicPartition]:
        places = self.under_way.pop(rng.randrange(len(self.under_way)))
        self.group.update({place.partition: place.offset for place in places})
        return places


def test_old_offsets_never_come_over_newer_ones() -> None:
    for seed in range(200):
        rng, client, committed = random.Random(seed), Late(), Committed("ticks", [0, 3])
        shown, at = [0], 0
        for _ in range(50):
            if rng.random() < 0.6:
                at += rng.randint(1, 9)
                committed.send(client, [at, 2 * at])
            elif client.under_way:
                failed = KafkaError(KafkaError.REQUEST_TIMED_OUT) if rng.random() < 0.2 else None
                committed.answered(failed, client.let_through(rng))
                committed.go_on(client)
                shown.append(client.group[0])
        while client.under_way:
            committed.answered(None, client.let_through(rng))
            committed.go_on(client)
            shown.append(client.group[0])
        assert shown == sorted(shown)
        assert client.group == {0: at, 3: 2 * at}


def test_a_commit_that_could_not_begin_is_counted_and_the_next_one_sent() -> None:
    client, committed, before = Late(), Committed("ticks", [0]), metrics.COMMITS_FAILED._value.get()
    client.refuses = True
    committed.send(client, [5])
    client.refuses = False
    committed.send(client, [7])
    assert metrics.COMMITS_FAILED._value.get() == before + 1
    assert [[place.offset for place in places] for places in client.under_way] == [[7]]


@pytest.mark.parametrize("answered", [False, True], ids=["under way", "answered, but nothing was sent since"])
def test_whoever_leaves_sends_what_waits_first(answered: bool) -> None:
    client, committed = Late(), Committed("ticks", [0])
    client.answers = committed.answered
    committed.send(client, [5])
    committed.send(client, [9])
    if answered:
        client.poll(0.0)
    committed.wait(client, 60.0)
    assert client.group == {0: 9}


def test_no_answer_is_waited_for_forever() -> None:
    client, committed = Late(), Committed("ticks", [0])
    committed.send(client, [5])
    committed.wait(client, 0.01)
    assert client.group == {}
