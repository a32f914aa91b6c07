"""Rescale: other feature processes over the same partitions, with the state that the old ones left.

All processes are stopped. The old feature processes are brought to one watermark, the greatest that any had reached,
so that the bars that are open in them are open since the same time; the inference process reads what they sent to its
end. Then the states are dealt anew, a checkpoint for each new process, and the inference process's newest checkpoint is
replaced by one that goes on with the new shards and their topic. Until that last step the old processes can go on as if
nothing had been tried, and the whole can be tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from dataflows.assembly.feature_groups import groups_of, single_symbol
from dataflows.interfaces import Snapshot
from dataflows.live import checkpoint_folder
from dataflows.sources.items import read_items
from dataflows.split.alignment import watermark_of
from dataflows.split.checkpoint_folders import begin, locked, put_aside, replace
from dataflows.split.old_processes import aligned, marks_of, process_settings, read_to_the_end, with_split
from dataflows.split.opening import open_rows
from dataflows.split.regroup import Shares, regrouped
from dataflows.split.share import NotRegroupable, Part
from features.engine import FeatureEngine
from ops.errors import ConfigurationError
from ops.settings import Settings
from schema.timeframes import parse_timeframes


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
    parts = aligned(settings, say)
    inference = read_to_the_end(settings, say)
    new = with_split(settings, shards=tuple(shares), url=rows)
    folders = [checkpoint_folder(process_settings(settings, shard)) for shard in (*settings.split.shards, *shares, "")]
    with locked(folders):
        made = _made(settings, parts, shares)
        for name, snapshot in made.items():
            begin(process_settings(new, name), {**snapshot, "position": _position(parts, shares[name])})
        replace(checkpoint_folder(process_settings(settings, "")), joined_anew(inference, shares, _beginning(new)))
    aside = [put_aside(checkpoint_folder(process_settings(settings, shard))) for shard in settings.split.shards]
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


def _beginning(settings: Settings) -> Snapshot:
    """Make the new topic of rows; return the position at its beginning."""
    rows = open_rows(process_settings(settings, ""))
    rows.close()
    low, high = marks_of(settings)
    if low != high:
        raise ConfigurationError(
            f"rescale: topic {settings.split.url} holds messages already; name one with --rows that isn't there yet"
        )
    return rows.position()
