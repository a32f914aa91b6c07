"""`undertone publish`: feed ticks of files or of the built-in market into Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dataflows.batch import Arrivals
from dataflows.interfaces import EndOfInput, Source
from dataflows.kafka.client import Cluster, cluster_of
from dataflows.kafka.producer import Delivery
from dataflows.kafka.publisher import Publisher
from dataflows.kafka.topic import Topics, create
from dataflows.messages.formats import Format
from dataflows.sources.files import FileSource
from dataflows.sources.paced import Paced
from dataflows.sources.synthetic import SyntheticMarket
from ops.drain import Drain
from ops.errors import CommandFailed, ConfigurationError, UsageError
from ops.progress import Progress
from ops.settings import Settings
from ops.tables import print_json
from schema.kafka import KafkaAddress, kafka_address
from schema.ticks import count
from schema.timeframes import SECOND

_SLICES: Final = 100  # a second, into which a rate is cut
_PACED_BATCH: Final = 256  # ticks, so that one doesn't wait long for the others of its batch
_FULL_SPEED_BATCH: Final = 65_536
_DRAIN_S: Final = 60.0  # how long the last messages may take
MILLISECOND: Final = 1_000_000  # ns


@dataclass(frozen=True)
class Wanted:
    """What to publish, and how fast."""

    files: list[Path]
    synthetic: bool
    start: int | None
    end: int | None
    rate: float | None  # ticks a second
    pace: float  # 0: none


def run(
    settings: Settings,
    *,
    json: bool,
    drain: Drain,
    files: list[Path],
    synthetic: bool,
    start: int | None,
    end: int | None,
    rate: float | None,
    pace: float,
    form: str,
    batch: int,
    partitions: int | None,
    duration_s: float | None,
) -> int:
    """Publish until the input ends, for `duration_s`, or until Ctrl-C; what was read is delivered in any case."""
    wanted = Wanted(files, synthetic, start, end, rate, pace)
    _check(wanted)
    address = _address(settings)
    cluster = cluster_of(settings, address.servers)
    if partitions is not None:
        create(cluster, address.topic, partitions)
    lanes = Topics(cluster, address.topic).describe().partitions
    source = _source(settings, wanted, lanes)
    delivery = Delivery(cluster, address.topic)
    publisher = Publisher(delivery, Format(form), batch)
    progress, began = Progress(None, "ticks", quiet=json), time.monotonic()
    try:
        complete = _feed(source, publisher, delivery, wanted, drain, progress, duration_s)
        if complete:
            # what waits for stragglers is released, as at the end of a replay
            publisher.beat(publisher.newest + settings.order.bound_ms * MILLISECOND + 1, lanes)
        _deliver(delivery, cluster, address)
    finally:
        progress.close()
        source.close()
        delivery.close()
    _print(publisher, delivery, address, lanes, time.monotonic() - began, complete, json)
    return 0


def _check(wanted: Wanted) -> None:
    if bool(wanted.files) == wanted.synthetic:
        raise UsageError("publish takes files of ticks or --synthetic, one of the two")
    if wanted.rate is not None and wanted.pace:
        raise UsageError("publish takes --rate or --pace, not both")


def _address(settings: Settings) -> KafkaAddress:
    if not settings.source.url.startswith("kafka:"):
        raise ConfigurationError(
            f"publish: source.url is {settings.source.url!r}, expected the topic as kafka://host:port/topic; give it "
            "with --source or in the settings"
        )
    return kafka_address(settings.source.url)


def _source(settings: Settings, wanted: Wanted, lanes: int) -> Source:
    if wanted.synthetic:
        return _market(settings, wanted, lanes)
    slow = wanted.rate is not None or wanted.pace
    size = _FULL_SPEED_BATCH if not slow else _PACED_BATCH if wanted.pace else _slice(wanted.rate or 0)
    files = FileSource(wanted.files, size, lanes, wanted.start, wanted.end)
    return Paced(files, wanted.pace) if wanted.pace else files


def _market(settings: Settings, wanted: Wanted, lanes: int) -> SyntheticMarket:
    """Return the built-in market from now on, in real time; `rate` is then of all its symbols together."""
    symbols, now = settings.source.symbols, time.time_ns() // SECOND * SECOND
    rate = 20.0 if wanted.rate is None else wanted.rate / symbols
    return SyntheticMarket(
        symbols, settings.source.seed, rate, start_ns=now, opened_ns=now, pace=wanted.pace or 1.0, lanes=lanes
    )


def _slice(rate: float) -> int:
    return max(1, int(rate / _SLICES))


def _feed(
    source: Source, publisher: Publisher, delivery: Delivery, wanted: Wanted, drain: Drain, progress: Progress,
    duration_s: float | None,
) -> bool:  # fmt: skip
    """Publish batch by batch; return whether the input came to its end."""
    began, read = time.monotonic(), 0
    rate = None if wanted.synthetic else wanted.rate
    for arrivals in _batches(source):
        now = time.monotonic() - began
        if drain.asked or (duration_s is not None and now >= duration_s):
            return False
        if arrivals is None:
            delivery.poll(0.001)
            continue
        publisher.publish(arrivals)
        read += count(arrivals.ticks)
        progress.at(publisher.ticks)
        while rate and (early := read / rate - (time.monotonic() - began)) > 0 and not drain.asked:
            delivery.poll(min(early, 0.1))
    return True


def _batches(source: Source) -> Iterator[Arrivals | None]:
    while True:
        try:
            yield source.next_batch()
        except EndOfInput:
            return


def _deliver(delivery: Delivery, cluster: Cluster, address: KafkaAddress) -> None:
    if left := delivery.flush(_DRAIN_S):
        raise CommandFailed(
            f"publish: {left} of {delivery.sent} messages to topic {address.topic!r} of {cluster.servers} were not "
            f"acknowledged within {_DRAIN_S:g} s; whether they arrived is not known"
        )


def _print(
    publisher: Publisher, delivery: Delivery, address: KafkaAddress, lanes: int, seconds: float, complete: bool,
    json: bool,
) -> None:  # fmt: skip
    report: dict[str, Any] = {
        "topic": address.topic,
        "partitions": lanes,
        "ticks": publisher.ticks,
        "heartbeats": publisher.heartbeats,
        "malformed": publisher.malformed,
        "messages": delivery.delivered,
        "bytes": delivery.bytes,
        "seconds": round(seconds, 3),
        "ticks_per_second": round(publisher.ticks / seconds),
        "complete": complete,
    }
    if json:
        print_json(report)
        return
    for name, value in report.items():
        print(f"{name.replace('_', ' '):>18}  {value if isinstance(value, bool | str) else format(value, ',')}")
