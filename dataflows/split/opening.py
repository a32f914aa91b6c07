"""What the settings make of a process: fused, a shard, or the joining end."""

from __future__ import annotations

from dataflows.assembly.feature_groups import groups_of, single_symbol
from dataflows.interfaces import Source
from dataflows.split.roles import Joined, Role, Shard
from features.catalogue import fingerprint
from ops.errors import ConfigurationError
from ops.settings import Settings

_MILLISECOND = 1_000_000  # ns


def check(settings: Settings) -> None:
    """Raise ConfigurationError where the settings of the split topology don't fit one another."""
    split = settings.split
    if split.topology == "fused":
        return
    if not split.shards:
        raise ConfigurationError(
            f"setting split.shards is empty, expected the name of every feature process with --topology "
            f"{split.topology}; the same list in every process, e.g. split.shards=a,b,c"
        )
    if split.topology == "features" and split.shard not in split.shards:
        raise ConfigurationError(
            f"setting split.shard is {split.shard!r}, expected one of split.shards: {', '.join(split.shards)}; say "
            "which of them this process is"
        )


def role_of(settings: Settings) -> Role | None:
    """Open what the process's role needs; None in the fused topology. Raises as `check` and the channel do."""
    check(settings)
    if settings.split.topology == "features":
        from dataflows.split.kafka import open_channel

        return Shard(settings.split.shard, open_channel(settings))
    if settings.split.topology == "inference":
        return Joined(settings.split.shards, settings.split.deadline_ms * _MILLISECOND)
    return None


def open_rows(settings: Settings) -> Source:
    """Open what the shards say, for an inference process."""
    from dataflows.split.kafka import KafkaRows

    groups = single_symbol(groups_of(settings))
    return KafkaRows(settings, fingerprint(groups), sum(len(group.columns) for group in groups))


def writer_of(settings: Settings) -> str:
    """Return what tells this process from others of its namespace: the shard's name."""
    return settings.split.shard if settings.split.topology == "features" else ""
