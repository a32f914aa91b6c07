"""The split topology over a real broker: shards that are killed between a checkpoint and their last message."""

from __future__ import annotations

import copy
import time
import uuid
from typing import Any

import pytest

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.kafka.source import KafkaSource
from dataflows.sources.files import FileSource
from dataflows.sources.recording import write_parquet
from dataflows.split.message import EVERYTHING
from dataflows.split.opening import open_rows, role_of
from ops.errors import ConfigurationError
from ops.settings import Settings, load
from tests.kafka.topics import WAIT_S, ends, market, new_topic, opened, publish
from tests.sources.reading import read

SHARDS = {"left": [0, 2], "right": [1, 3]}


@pytest.fixture(scope="module")
def filled(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A topic that holds a minute of a market in four lanes."""
    path = tmp_path_factory.mktemp("market") / "ticks.parquet"
    write_parquet(market(60.0), path)
    topic = new_topic(kafka)
    publish(kafka, topic, read(FileSource([path], 777, lanes=4)))
    return topic


def of(kafka: str, topology: str, rows: str, **more: str) -> Settings:
    values = {
        "split.topology": topology, "split.shards": ",".join(SHARDS), "split.url": f"kafka://{kafka}/{rows}",
        "features.families": "calendar,cross_asset", "inference.model": "none", "store.url": "memory:",
        "bus.url": "null:", "bars.timeframes": "1s,10s,tick:20", **more,
    }  # fmt: skip
    return load([], [f"{name}={value}" for name, value in values.items()], {}, {})


def shard(kafka: str, topic: str, rows: str, name: str, **options: Any) -> Flow:
    settings = of(kafka, "features", rows, **{"split.shard": name})
    source: KafkaSource = opened(kafka, topic, finite=True, partitions=SHARDS[name], **options)
    return assemble(settings, source, role=role_of(settings))


def count(kafka: str, rows: str) -> int:
    return sum(ends(kafka, rows).values())


def run_joined(settings: Settings) -> Flow:
    flow = assemble(settings, open_rows(settings), role=role_of(settings))
    while min(flow.barrier.barrier.closed_through.values()) < EVERYTHING:
        flow.pipeline.advance()
    return flow


def test_the_certificate_is_that_of_one_process(kafka: str, filled: str) -> None:
    """Each shard dies once and resumes at an older state; what it had sent since is sent again."""
    rows = f"features-{uuid.uuid4().hex[:12]}"
    fused = assemble(of(kafka, "fused", rows), opened(kafka, filled, finite=True))
    fused.pipeline.run()
    for name in SHARDS:
        # Small batches, lest the broker hands over the whole minute at once.
        dying = shard(kafka, filled, rows, name, batch_ticks=500)
        assert dying.channel is not None
        kept, begun, sent = copy.deepcopy(dying.pipeline.snapshot()), count(kafka, rows), 0
        until = time.monotonic() + WAIT_S
        while sent < 8:
            assert time.monotonic() < until, f"only {dying.pipeline.number} batches came"
            if dying.pipeline.advance() is None:
                continue
            dying.channel.flush()
            sent = count(kafka, rows) - begun
            if sent <= 4:
                kept = copy.deepcopy(dying.pipeline.snapshot())
        assert 0 < kept["number"] < dying.pipeline.number
        dying.close()
        resumed = shard(kafka, filled, rows, name)
        resumed.pipeline.restore(kept)
        resumed.pipeline.run()
        resumed.finish()
        assert resumed.acknowledged() == resumed.pipeline.number
        resumed.close()
    flow = run_joined(of(kafka, "inference", rows))
    assert flow.certifier.certificate() == fused.certifier.certificate()
    assert flow.certifier.certificate().entries
    flow.close()
    fused.close()


@pytest.mark.parametrize(
    ("more", "says"), [({"split.shards": ""}, "split.shards is empty"), ({"split.shard": "top"}, "one of split.shards")]
)
def test_settings_that_do_not_fit_are_refused(more: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        role_of(of("127.0.0.1:1", "features", "features.v1", **more))
