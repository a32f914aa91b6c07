"""Where reading begins: by a policy without a checkpoint, at its position with one, if all of that is still there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from dataflows.interfaces import Snapshot
from dataflows.kafka.topic import Topic, Topics
from dataflows.sources.errors import OtherLog
from ops.errors import ConfigurationError
from schema.ticks import Int64

EARLIEST: Final = "earliest"
LATEST: Final = "latest"
MILLISECOND: Final = 1_000_000  # ns
WAY_OUT: Final = "start without the checkpoint (`undertone recovery reset`), from source.start"


def chosen(topic: Topic, wanted: Sequence[int] | None) -> tuple[int, ...]:
    """Return the partitions to read, all if None. Raises ConfigurationError for one that isn't there."""
    missing = [partition for partition in wanted or () if partition >= topic.partitions]
    if missing:
        raise ConfigurationError(
            f"source.partitions: topic {topic.name!r} has the partitions 0-{topic.partitions - 1}, not {missing}; "
            "correct the setting, or add partitions to the topic"
        )
    return tuple(range(topic.partitions)) if wanted is None else tuple(wanted)


def offsets(topics: Topics, partitions: Sequence[int], start: str | int) -> Int64:
    """Return where a new run begins: `earliest`, `latest`, or what was appended at a time (ns UTC) or later."""
    if isinstance(start, int):
        return topics.since(partitions, -(-start // MILLISECOND))
    low, high = topics.marks(partitions)
    return {EARLIEST: low, LATEST: high}[start]


def resumed(topics: Topics, topic: Topic, partitions: Sequence[int], position: Snapshot) -> Int64:
    """Return the offsets of a position.

    Raises OtherLog where reading on there would leave something out or read something else: another topic, one made
    anew under the same name, other partitions, offsets that retention has passed or that are not there yet.
    """
    if position["topic"] != topic.name or list(position["partitions"]) != list(partitions):
        raise OtherLog(
            f"the source is topic {topic.name!r}, partitions {list(partitions)}; the position was taken in topic "
            f"{position['topic']!r}, partitions {list(position['partitions'])}; use the same source.url and "
            f"source.partitions, or {WAY_OUT}"
        )
    check_same(topic, Topic(topic.name, position["identity"], int(position["partition_count"])))
    found = np.array(position["offsets"], np.int64)
    check_held(topic.name, partitions, found, *topics.marks(partitions))
    return found


def check_same(now: Topic, before: Topic) -> None:
    """Raise OtherLog where a topic isn't the one that it was."""
    if before.identity and now.identity and before.identity != now.identity:
        raise OtherLog(
            f"topic {now.name!r} was deleted and made again: its id is {now.identity}, the run read {before.identity}; "
            f"what it held is gone. To read the new one, {WAY_OUT}"
        )
    if before.partitions != now.partitions:
        raise OtherLog(
            f"topic {now.name!r} has {now.partitions} partitions, the run knew {before.partitions}: symbols have moved "
            f"between partitions, and the new ones would not be read. Drain what the old ones hold, then {WAY_OUT}"
        )


def check_held(name: str, partitions: Sequence[int], wanted: Int64, low: Int64, high: Int64) -> None:
    """Raise OtherLog where offsets to read from are outside of what the topic holds; name what was lost."""
    faults = [
        f"partition {partition}: retention has passed offsets {at} to {first - 1}, {first - at} messages are gone"
        for partition, at, first in _rows(partitions, wanted, low)
        if at < first
    ] + [
        f"partition {partition}: it ends at offset {last}, the run had read up to {at}; messages were lost"
        for partition, at, last in _rows(partitions, wanted, high)
        if at > last
    ]
    if faults:
        raise OtherLog(
            f"topic {name!r} does not hold what comes next: {'; '.join(faults)}. Restore it, or accept the loss: "
            + WAY_OUT
        )


def _rows(*columns: Any) -> list[tuple[int, ...]]:
    return list(zip(*(np.asarray(column).tolist() for column in columns)))
