"""Open the topic that the settings name."""

from __future__ import annotations

from typing import Final

from dataflows.kafka.client import cluster_of
from dataflows.kafka.source import BATCH_TICKS, KafkaSource
from dataflows.sources.between import Between
from ops.durations import parse_time
from ops.settings import Settings
from schema.kafka import kafka_address, partition_set

SNAPSHOT: Final = "snapshot"
_MILLISECOND: Final = 1_000_000  # ns
_POLLS_A_BUFFER: Final = 8  # a poll brings at most this part of what the reorder buffer holds


def open_kafka(settings: Settings) -> KafkaSource:
    """Open `source.url` to read on without an end, from `source.start` unless a checkpoint is sought.

    Raises what KafkaSource raises.
    """
    source = settings.source
    address = kafka_address(source.url)
    begin: str | int = "earliest" if source.start == SNAPSHOT else source.start
    if begin not in ("earliest", "latest"):
        begin = parse_time(source.start)
    return KafkaSource(
        cluster_of(settings, address.servers), address.topic, partitions=partition_set(source.partitions),
        begin=begin, group=source.group, batch_ticks=batch_ticks(settings),
        max_message_bytes=source.max_message_bytes,
    )  # fmt: skip


def open_history(settings: Settings, start_ns: int | None, end_ns: int | None) -> Between:
    """Open what `source.url` holds now of start <= ts_event < end, as a finite input.

    Kafka finds messages by when they were appended. A tick isn't appended before it happened (but for
    `gate.future_bound_ms`), so nothing of the part stands before what was appended at `start`; what was published long
    after it happened is read from the beginning.
    """
    source = settings.source
    address = kafka_address(source.url)
    begin = "earliest" if start_ns is None else max(0, start_ns - settings.gate.future_bound_ms * _MILLISECOND)
    topic = KafkaSource(
        cluster_of(settings, address.servers), address.topic, partitions=partition_set(source.partitions),
        begin=begin, group=f"{source.group}-replay", finite=True, batch_ticks=batch_ticks(settings),
        max_message_bytes=source.max_message_bytes,
    )  # fmt: skip
    return Between(topic, start_ns, end_ns, settings.order.bound_ms * _MILLISECOND)


def batch_ticks(settings: Settings) -> int:
    """Return about how many ticks a poll brings: so few that a hold of lanes comes before the buffer is full."""
    return max(1, min(BATCH_TICKS, settings.order.capacity // _POLLS_A_BUFFER))
