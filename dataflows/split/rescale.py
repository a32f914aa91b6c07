"""Rescale: other feature processes over the same partitions, with the state that the old ones left.

All processes are stopped. The old feature processes are brought to one watermark, the greatest that any had reached,
so that the bars that are open in them are open since the same time; the inference process reads what they sent to its
end. Then the states are dealt anew, a checkpoint for each new process, and the inference process's newest checkpoint is
replaced by one that goes on with the new shards and their topic. Until that last step the old processes can go on as if
nothing had been tried, and the whole can be tried again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from dataflows import checkpoint_file
from dataflows.assembly import Flow, groups_of, single_symbol
from dataflows.interfaces import Snapshot
from dataflows.kafka.client import cluster_of
from dataflows.kafka.topic import Topics
from dataflows.live import assemble_live, checkpoint_folder
from dataflows.recovery import SUFFIX
from dataflows.sinks.stores import OpenedStore
from dataflows.sources.items import read_items
from dataflows.split.alignment import bring_all_to, watermark_of
from dataflows.split.checkpoint_folders import begin, locked, put_aside, replace
from dataflows.split.newcomer import NotRegroupable, Part
from dataflows.split.opening import open_rows
from dataflows.split.regroup import Shares, regrouped
from features.engine import FeatureEngine
from ops.errors import ConfigurationError, DependencyAway
from ops.settings import Settings
from schema.kafka import kafka_address
from schema.timeframes import parse_timeframes

PATIENCE_S: Final = 60.0  # without anything new


class Rescaled(NamedTuple):
    """What was made."""

    watermark: int  # ns UTC, where all stand
    batch: int  # number of the new checkpoints
    shards: dict[str, list[int]]
    aside: list[str]  # folders of the old processes' checkpoints


def rescale(settings: Settings, shares: Shares, rows: str, say: Callable[[str], None] = lambda line: None) -> Rescaled:
    """Deal the state of the processes `split.shards` to new ones, which speak through the topic `rows`.

    Raises AlreadyRunning where one of the processes runs, ConfigurationError where the new ones don't fit,
    DependencyAway where the old ones can't be brought to one place, and what starting them raises.
    """
    _check(settings, shares, rows)
    parts = _aligned(settings, say)
    inference = _read_to_the_end(settings, say)
    new = _with_split(settings, shards=tuple(shares), url=rows)
    folders = [checkpoint_folder(_of(settings, shard)) for shard in (*settings.split.shards, *shares, "")]
    with locked(folders):
        made = _made(settings, parts, shares)
        for name, snapshot in made.items():
            begin(_of(new, name), {**snapshot, "position": _position(parts, shares[name])})
        replace(checkpoint_folder(_of(settings, "")), joined_anew(inference, shares, _beginning(new)))
    aside = [put_aside(checkpoint_folder(_of(settings, shard))) for shard in settings.split.shards]
    first = next(iter(made.values()))
    return Rescaled(watermark_of(first), int(first["number"]), {n: list(p) for n, p in shares.items()}, aside)


def joined_anew(snapshot: Snapshot, shares: Shares, position: Snapshot) -> Snapshot:
    """Return the inference process's state with the new shards, read from `position` on.

    What was released stays so. A new shard's first mark comes with its first message; until then it counts as far as
    the slowest old one.
    """
    join = snapshot["stations"]["join"]
    through = int(join["barrier"]["released_through"])
    barrier = {**join["barrier"], "closed_through": dict.fromkeys(shares, through)}
    lanes = {name: len(partitions) for name, partitions in shares.items()}
    stations = {**snapshot["stations"], "join": {**join, "barrier": barrier, "lanes": lanes}}
    return {**snapshot, "position": position, "stations": stations}


def _check(settings: Settings, shares: Shares, rows: str) -> None:
    split = settings.split
    if not split.shards:
        raise ConfigurationError("rescale: setting split.shards is empty, expected the feature processes there are")
    if repeated := sorted(set(split.shards) & shares.keys()):
        raise ConfigurationError(
            f"rescale: {', '.join(repeated)} is the name of an old feature process and of a new one; give the new "
            "ones names of their own, so that the old ones can go on should this not come to its end"
        )
    if rows == split.url:
        raise ConfigurationError(
            f"rescale: --rows is {rows}, the topic of the old feature processes; name another: a partition belongs to "
            "one process"
        )


def _with_split(settings: Settings, **values: Any) -> Settings:
    return settings.model_copy(update={"split": settings.split.model_copy(update=values)})


def _of(settings: Settings, shard: str) -> Settings:
    """Return the settings of one process, of the inference process where `shard` is empty."""
    topology = "features" if shard else "inference"
    return _with_split(settings, topology=topology, shard=shard, deadline_ms=0)


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


def _aligned(settings: Settings, say: Callable[[str], None]) -> list[Part]:
    """Bring all old feature processes to the greatest watermark; return what they hold there."""
    with ExitStack() as opened:
        flows: dict[str, tuple[Flow, list[int]]] = {}
        for shard in settings.split.shards:
            ours = _of(settings, shard)
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
        return [Part(shard, copied(flow.pipeline.snapshot()), tuple(p)) for shard, (flow, p) in flows.items()]


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


def _read_to_the_end(settings: Settings, say: Callable[[str], None]) -> Snapshot:
    """Let the inference process read all that the old feature processes sent; return what it holds then."""
    ours = _of(settings, "")
    flow = assemble_live(ours)
    try:
        ends = _marks(ours)[1]
        heard = time.monotonic()
        while flow.pipeline.source.position()["offsets"] != ends:
            batch = flow.pipeline.advance()
            if batch is not None and batch.arrivals is not None and batch.arrivals.shards:  # else one for the deadline
                heard = time.monotonic()
            elif time.monotonic() - heard > PATIENCE_S:
                raise DependencyAway(f"rescale: topic {ours.split.url} ends at {ends}, and nothing comes any more")
        flow.finish()
        say(f"the inference process has read all rows, behind batch {flow.pipeline.number}")
        held: Snapshot = copied(flow.pipeline.snapshot())
        return held
    finally:
        flow.close()


def _made(settings: Settings, parts: list[Part], shares: Shares) -> dict[str, Snapshot]:
    groups = single_symbol(groups_of(settings))
    by_time = tuple(timeframe.by_time for timeframe in parse_timeframes(list(settings.bars.timeframes)))
    log = read_items([Path(name) for name in settings.sentiment.items])
    try:
        return regrouped(parts, shares, lambda: FeatureEngine(groups, len(by_time), by_time), log)
    except NotRegroupable as error:
        raise ConfigurationError(f"rescale: {error}") from None


def _position(parts: list[Part], partitions: Sequence[int]) -> Snapshot:
    """Return where a new process reads on."""
    positions = [part.snapshot["position"] for part in parts]
    next_of = {p: int(at) for position in positions for p, at in zip(position["partitions"], position["offsets"])}
    chosen = [next_of[partition] for partition in partitions]
    return {**positions[0], "partitions": list(partitions), "offsets": chosen}


def _marks(settings: Settings) -> list[list[int]]:
    """Return the first and the next offset of each partition of the topic of rows."""
    address = kafka_address(settings.split.url)
    topics = Topics(cluster_of(settings, address.servers), address.topic)
    return [marks.tolist() for marks in topics.marks(range(len(settings.split.shards)))]


def _beginning(settings: Settings) -> Snapshot:
    """Make the new topic of rows; return the position at its beginning."""
    rows = open_rows(_of(settings, ""))
    rows.close()
    low, high = _marks(settings)
    if low != high:
        raise ConfigurationError(
            f"rescale: topic {settings.split.url} holds messages already; name one with --rows that isn't there yet"
        )
    return rows.position()


def copied(node: Any) -> Any:
    """Return a snapshot with arrays of its own."""
    if isinstance(node, dict):
        return {key: copied(value) for key, value in node.items()}
    return node.copy() if isinstance(node, np.ndarray) else node
