"""Making a topic."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from dataflows.kafka.client import Cluster
from dataflows.kafka.topic import Topics, create
from ops.errors import DependencyAway


def test_a_topic_that_was_made_can_be_asked_for_its_offsets(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy broker knows a topic before it leads its partitions: NOT_LEADER_FOR_PARTITION, seen in rescaling."""
    marks, asked = Topics.marks, 0

    def not_yet(topics: Topics, partitions: Sequence[int]) -> Any:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise DependencyAway("Broker: Not leader for partition")
        return marks(topics, partitions)

    monkeypatch.setattr(Topics, "marks", not_yet)
    assert create(Cluster(kafka), f"made-{uuid.uuid4().hex[:12]}", 3)
    assert asked >= 3  # a busy one may have refused once more
