"""The processes that a rescale takes the place of: brought to one watermark, and read to the end of what they sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, Final

import numpy as np

from dataflows.assembly.flow import Flow
from dataflows.checkpoints import file as checkpoint_file
from dataflows.checkpoints.recovery import SUFFIX
from dataflows.interfaces import Snapshot
from dataflows.kafka.client import cluster_of
from dataflows.kafka.topic import Topics
from dataflows.live import assemble_live, checkpoint_folder
from dataflows.sinks.stores import OpenedStore
from dataflows.split.alignment import bring_all_to, watermark_of
from dataflows.split.share import Part
from ops.errors import ConfigurationError, DependencyAway
from ops.settings import Settings
from schema.kafka import kafka_address

PATIENCE_S: Final = 60.0  # without anything new


def with_split(settings: Settings, **values: Any) -> Settings:
    """Return the settings with other values in the section `split`."""
    return settings.model_copy(update={"split": settings.split.model_copy(update=values)})


def process_settings(settings: Settings, shard: str) -> Settings:
    """Return the settings of one process, of the inference process where `shard` is empty."""
    topology = "features" if shard else "inference"
    return with_split(settings, topology=topology, shard=shard, deadline_ms=0)


def aligned(settings: Settings, say: Callable[[str], None]) -> list[Part]:
    """Bring all old feature processes to the greatest watermark; return what they hold there."""
    with ExitStack() as opened:
        flows: dict[str, tuple[Flow, list[int]]] = {}
        for shard in settings.split.shards:
            ours = process_settings(settings, shard)
            partitions = _partitions(ours)
            source = ours.source.model_copy(update={"partitions": ",".join(map(str, partitions))})
            flow = assemble_live(ours.model_copy(update={"source": source}))
            opened.callback(flow.close)
            flows[shard] = flow, partitions
        until = max(watermark_of(flow.pipeline.snapshot()) for flow, _ in flows.values())
        bring_all_to([flow for flow, _ in flows.values()], until, PATIENCE_S)
        for shard, (flow, _) in flows.items():
            flow.finish()
            _await_shipped(flow.store)
            say(f"feature process {shard} stands behind batch {flow.pipeline.number}")
        return [Part(shard, _copied(flow.pipeline.snapshot()), tuple(p)) for shard, (flow, p) in flows.items()]


def _partitions(settings: Settings) -> list[int]:
    """Return the partitions that a process's newest whole checkpoint speaks of."""
    folder = checkpoint_folder(settings)
    for path in sorted(folder.glob(f"*{SUFFIX}"), reverse=True):
        with suppress(checkpoint_file.DamagedCheckpoint):
            position = checkpoint_file.read(path)["position"]
            if "partitions" in position:
                return [int(partition) for partition in position["partitions"]]
    raise ConfigurationError(
        f"rescale: folder {folder} holds no checkpoint of a process that reads a topic; start every process of "
        "split.shards once, and look with `undertone recovery inspect`"
    )


def _await_shipped(store: OpenedStore) -> None:
    """Wait until the store has all rows: those on our disk go with a process's next start, and there is none.

    Raises DependencyAway.
    """
    until = time.monotonic() + PATIENCE_S
    while waiting := store.state().waiting:
        if time.monotonic() > until:
            raise DependencyAway(
                f"rescale: {waiting} bytes of an old feature process wait for the store ({store.state().detail}); see "
                "that it is up, then try again"
            )
        time.sleep(0.05)


def read_to_the_end(settings: Settings, say: Callable[[str], None]) -> Snapshot:
    """Let the inference process read all that the old feature processes sent; return what it holds then."""
    ours = process_settings(settings, "")
    flow = assemble_live(ours)
    try:
        ends = marks_of(ours)[1]
        heard = time.monotonic()
        while flow.pipeline.source.position()["offsets"] != ends:
            batch = flow.pipeline.advance()
            if batch is not None and batch.arrivals is not None and batch.arrivals.shards:  # else one for the deadline
                heard = time.monotonic()
            elif time.monotonic() - heard > PATIENCE_S:
                raise DependencyAway(f"rescale: topic {ours.split.url} ends at {ends}, and nothing comes any more")
        flow.finish()
        say(f"the inference process has read all rows, behind batch {flow.pipeline.number}")
        held: Snapshot = _copied(flow.pipeline.snapshot())
        return held
    finally:
        flow.close()


def marks_of(settings: Settings) -> list[list[int]]:
    """Return the first and the next offset of each partition of the topic of rows."""
    address = kafka_address(settings.split.url)
    topics = Topics(cluster_of(settings, address.servers), address.topic)
    return [marks.tolist() for marks in topics.marks(range(len(settings.split.shards)))]


def _copied(node: Any) -> Any:
    """Return a snapshot with arrays of its own."""
    if isinstance(node, dict):
        return {key: _copied(value) for key, value in node.items()}
    return node.copy() if isinstance(node, np.ndarray) else node
