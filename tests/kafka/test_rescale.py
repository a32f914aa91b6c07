"""Feature processes dealt anew in the middle of a topic, from one to three and back: one certificate."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import pytest

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.checkpoints.folder_lock import AlreadyRunning
from dataflows.live import assemble_live
from dataflows.split.message import EVERYTHING
from dataflows.split.rescale import rescale
from ops.errors import ConfigurationError
from ops.settings import Settings, load
from tests.kafka.topics import market, new_topic, opened, publish
from tests.sources.reading import read

FAMILIES = "calendar,statistical,microstructure,cross_asset"
ONE = {"whole": [0, 1, 2, 3]}
THREE = {"left": [0], "middle": [1, 3], "right": [2]}
BEAT_NS = 10_000_000_000
IDLE_S = 5.0


@pytest.fixture(scope="module")
def filled(kafka: str) -> str:
    """Two minutes of a market in four lanes, with late ticks."""
    topic = new_topic(kafka)
    publish(kafka, topic, read(market(120.0, faults=0.01)), beat_ns=BEAT_NS)
    return topic


class Site:
    """The settings of all processes of a dataflow in a folder."""

    def __init__(self, kafka: str, topic: str, folder: Path) -> None:
        self.kafka, self.topic, self.folder = kafka, topic, folder
        self.shards, self.rows = dict(ONE), self.new_rows()

    def new_rows(self) -> str:
        return f"kafka://{self.kafka}/rows-{uuid.uuid4().hex[:12]}"

    def settings(self, shard: str = "", **more: str) -> Settings:
        values = {
            "split.topology": "features" if shard else "inference", "split.shards": ",".join(self.shards),
            "split.shard": shard, "split.url": self.rows, "source.url": f"kafka://{self.kafka}/{self.topic}",
            "source.partitions": ",".join(map(str, self.shards.get(shard, [0]))), "features.families": FAMILIES,
            "inference.model": "none", "store.url": f"sqlite:///{self.folder}/rows.db", "bus.url": "null:",
            "bars.timeframes": "1s,10s,tick:20", "order.bound_ms": "50", "registry.root": f"{self.folder}/models",
            "checkpoint.directory": f"{self.folder}/checkpoints",
            "order.capacity": "2000",  # holds lanes that lead, so that all are read at once
            **more,
        }  # fmt: skip
        return load([], [f"{name}={value}" for name, value in values.items()], {}, {})

    def live(self, shard: str, polls: int) -> int:
        """Run a feature process for some batches, drain it; return how many ticks it has used."""
        flow = assemble_live(self.settings(shard))
        flow.pipeline.source._batch_bytes = 5_000  # type: ignore[attr-defined]  # about 100 ticks
        began, until = flow.tally.counts.ticks_used, time.monotonic() + IDLE_S
        while polls and time.monotonic() < until:
            if flow.pipeline.advance() is not None:
                polls, until = polls - 1, time.monotonic() + IDLE_S
        flow.finish()
        flow.close()
        return flow.tally.counts.ticks_used - began

    def rescale(self, shards: dict[str, list[int]]) -> None:
        rows = self.new_rows()
        rescale(self.settings(), shards, rows)
        self.shards, self.rows = shards, rows

    def joined(self) -> Flow:
        """Start the inference process, and let it read on until nothing comes any more."""
        flow, idle = assemble_live(self.settings()), 0
        while idle < 20:  # an empty batch comes when nothing did for a while
            batch = flow.pipeline.advance()
            if batch is not None:
                idle = 0 if batch.arrivals and batch.arrivals.shards else idle + 1
        return flow


def test_one_three_and_one_process_give_what_one_gives(kafka: str, filled: str, tmp_path: Path) -> None:
    site = Site(kafka, filled, tmp_path)
    fused_settings = site.settings(**{"split.topology": "fused", "store.url": "memory:", "order.capacity": "100000"})
    fused = assemble(fused_settings, opened(kafka, filled, finite=True))
    fused.pipeline.run()
    site.live("whole", 60)
    flow = site.joined()
    flow.finish()
    flow.close()
    site.rescale(THREE)
    used = [site.live(name, polls) for name, polls in (("left", 20), ("middle", 60), ("right", 25))]
    assert all(used), "each of the three has gone on"
    site.rescale(ONE)
    site.live("whole", 10_000)
    flow = site.joined()
    assert min(flow.barrier.barrier.closed_through.values()) < EVERYTHING
    assert flow.certifier.certificate() == fused.certifier.certificate()
    flow.close()


def test_what_can_not_be_dealt_is_refused(kafka: str, filled: str, tmp_path: Path) -> None:
    site = Site(kafka, filled, tmp_path)
    site.live("whole", 3)
    settings = site.settings()
    for shards, rows, says in (
        ({"whole": [0, 1, 2, 3]}, site.new_rows(), "whole is the name of an old feature process and of a new one"),
        (THREE, site.rows, "name another: a partition belongs to one process"),
        ({"a": [0, 1], "b": [1, 2, 3]}, site.new_rows(), r"the partitions \[0, 1, 1, 2, 3\], the old ones have"),
    ):
        with pytest.raises(ConfigurationError, match=says):
            rescale(settings, shards, rows)
    running = assemble_live(site.settings("whole"))
    with pytest.raises(AlreadyRunning):
        rescale(settings, THREE, site.new_rows())
    running.close()
    assert site.live("whole", 60) > 0, "the old one goes on"
