"""What a tick costs in Kafka by format: published, and read back as batches; one process, the broker beside it.

    python -m benchmarks.kafka HOST:PORT [--ticks N]

The broker is one that runs (`make up`). Each format gets a topic of its own, which is deleted afterwards. Rates are of
the wall clock, with the broker on the same cores; the cost is this process' own, all its threads, so it doesn't depend
on what else the machine does.
"""

from __future__ import annotations

import argparse
import time
import uuid
from collections.abc import Callable
from typing import Final, NamedTuple

from confluent_kafka.admin import AdminClient

from dataflows.batch import Arrivals
from dataflows.interfaces import EndOfInput
from dataflows.kafka.client import Cluster
from dataflows.kafka.producer import Delivery
from dataflows.kafka.publisher import Publisher
from dataflows.kafka.source import KafkaSource
from dataflows.kafka.topic import create
from dataflows.messages.formats import Format
from dataflows.sources.synthetic import SyntheticMarket
from schema.ticks import count

PARTITIONS: Final = 4
SYMBOLS: Final = 1000
CASES: Final = (
    ("JSON, a tick a message", Format.JSON, 1),
    ("msgpack, a tick a message", Format.MSGPACK, 1),
    ("columns of 50", Format.COLUMNS, 50),
    ("columns of 1,000", Format.COLUMNS, 1000),
)


class Cost(NamedTuple):
    """Of one direction."""

    per_second: float  # ticks
    microseconds: float  # of this process' processor time, a tick


def market(ticks: int) -> list[Arrivals]:
    """Return that many ticks, and their heartbeats, in lanes."""
    source = SyntheticMarket(SYMBOLS, duration_s=1e6, rate=100.0, lanes=PARTITIONS)
    parts: list[Arrivals] = []
    while sum(count(part.ticks) for part in parts) < ticks:
        part = source.next_batch()
        assert part is not None
        parts.append(part)
    return parts


def timed(work: Callable[[], int]) -> Cost:
    """Run work that returns how many ticks it did."""
    wall, processor = time.perf_counter(), time.process_time()
    n = work()
    return Cost(n / (time.perf_counter() - wall), (time.process_time() - processor) / n * 1e6)


def produce(cluster: Cluster, topic: str, parts: list[Arrivals], form: Format, batch: int) -> int:
    """Publish all and wait until it is delivered."""
    delivery = Delivery(cluster, topic)
    publisher = Publisher(delivery, form, batch)
    for part in parts:
        publisher.publish(part)
    assert delivery.flush(120.0) == 0
    delivery.close()
    return sum(count(part.ticks) for part in parts)


def consume(cluster: Cluster, topic: str) -> int:
    """Read all as batches."""
    source, n = KafkaSource(cluster, topic, finite=True), 0
    while True:
        try:
            arrivals = source.next_batch()
        except EndOfInput:
            source.close()
            return n
        n += 0 if arrivals is None else count(arrivals.ticks)
        if arrivals is None:
            time.sleep(0.001)


def measure(cluster: Cluster, ticks: int, form: Format, batch: int) -> tuple[Cost, Cost]:
    """Publish and read one format."""
    topic = f"bench-{uuid.uuid4().hex[:8]}"
    create(cluster, topic, PARTITIONS)
    parts = market(ticks if batch > 1 else ticks // 5)
    try:
        return (
            timed(lambda: produce(cluster, topic, parts, form, batch)),
            timed(lambda: consume(cluster, topic)),
        )
    finally:
        admin = AdminClient(cluster.settings())
        admin.delete_topics([topic])[topic].result()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("servers", help="host:port of a broker")
    parser.add_argument("--ticks", type=int, default=1_000_000, help="published in columns; a fifth of it in singles")
    chosen = parser.parse_args()
    cluster = Cluster(chosen.servers)
    print("| format | published, ticks/s | µs a tick | read, ticks/s | µs a tick | cheaper to read than JSON |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    measure(cluster, 20_000, Format.COLUMNS, 1000)  # what is loaded and connected once
    first = None
    for name, form, batch in CASES:
        out, back = measure(cluster, chosen.ticks, form, batch)
        first = first or back
        print(
            f"| {name} | {out.per_second:,.0f} | {out.microseconds:.2f} | {back.per_second:,.0f} "
            f"| {back.microseconds:.2f} | {first.microseconds / back.microseconds:.1f}x |",
            flush=True,
        )


if __name__ == "__main__":
    main()
