"""`undertone ingest VENUE`: an exchange's feed, written where the dataflow reads it."""

from __future__ import annotations

import asyncio
import math
import time
from pathlib import Path
from random import Random
from typing import Any

from dataflows.ingest.client import Client, Patience
from dataflows.ingest.recorder import MILLISECOND, Recorder, Times
from dataflows.ingest.target import SegmentTarget, Target
from dataflows.ingest.venue import Venue
from dataflows.ingest.venues import venue_of
from dataflows.segments.writer import Policy
from dataflows.sources.segments import segments_path
from ops import metrics
from ops.drain import Drain
from ops.errors import ConfigurationError, UsageError
from ops.log import logger
from ops.settings import Settings
from ops.settings.sections import Ingest
from ops.tables import print_json
from schema.kafka import SCHEME as KAFKA
from schema.kafka import kafka_address

MIB = 1 << 20


def run(settings: Settings, *, json: bool, drain: Drain, venue: str, duration_s: float | None) -> int:
    """Record until Ctrl-C or for a time, and print the totals."""
    feed, ingest, began = _venue(venue, settings.ingest), settings.ingest, time.monotonic()
    metrics.serve(settings.metrics.host, ingest.metrics_port)
    target = open_target(settings, feed.name)
    log = logger("ingest")
    if target.cut_bytes:
        log.warning("the log's end was torn and is cut", target=target.name, bytes=target.cut_bytes)
    recorder = Recorder(feed, ingest.symbols, target, _times(ingest), time.time_ns())
    client = Client(recorder, ingest.symbols, ingest.url or feed.url, _patience(ingest, feed), Random(ingest.seed))
    log.info("recording", venue=feed.name, url=client.url, symbols=len(ingest.symbols), target=target.name)
    ends = math.inf if duration_s is None else began + duration_s
    asyncio.run(client.run(lambda: drain.asked or time.monotonic() >= ends))
    report: dict[str, Any] = {"venue": feed.name, "target": target.name, **recorder.totals.report()}
    report["seconds"] = round(time.monotonic() - began, 3)
    if json:
        print_json(report)
    else:
        log.info("drained", **report)
    return 0


def open_target(settings: Settings, lane: str) -> Target:
    """Open what `ingest.target` names: a lane of a segment log, or a topic of Kafka."""
    ingest = settings.ingest
    try:
        if ingest.target.startswith(KAFKA):
            from dataflows.ingest.kafka_target import KafkaTarget
            from dataflows.kafka.client import cluster_of

            address = kafka_address(ingest.target)
            return KafkaTarget(cluster_of(settings, address.servers), address.topic)
        root, _ = segments_path(ingest.target)
    except ValueError as error:
        raise ConfigurationError(f"setting ingest.target: {error}") from None
    policy = Policy(ingest.sync_ms, int(ingest.segment_mb * MIB), int(ingest.keep_mb * MIB), ingest.keep_hours * 3600)
    return SegmentTarget(Path(root), lane, policy)


def _venue(name: str, ingest: Ingest) -> Venue:
    try:
        venue = venue_of(name)
    except ValueError as error:
        raise UsageError(f"ingest: {error}") from None
    if not ingest.symbols:
        raise ConfigurationError(
            f"setting ingest.symbols is empty, expected symbols as {name} writes them; give --symbols A,B"
        )
    if len(ingest.symbols) > venue.most_symbols:
        raise ConfigurationError(
            f"setting ingest.symbols names {len(ingest.symbols)}; a connection to {name} takes {venue.most_symbols}: "
            "run several ingesters with a target each"
        )
    return venue


def _times(ingest: Ingest) -> Times:
    return Times(reorder=ingest.reorder_ms * MILLISECOND, outage=ingest.outage_ms * MILLISECOND)


def _patience(ingest: Ingest, venue: Venue) -> Patience:
    return Patience(
        connect=ingest.connect_s,
        stall=ingest.stall_s or venue.stall_s,
        ping=ingest.ping_s,
        backoff=ingest.backoff_s,
        backoff_most=ingest.backoff_most_s,
        steady=ingest.steady_s,
        batch=ingest.batch_ms / 1000,
        message_bytes=ingest.most_message_kb << 10,
    )
