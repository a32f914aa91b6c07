"""What a process does in the split topology."""

from __future__ import annotations

from dataclasses import dataclass

from dataflows.split.publisher import Channel


@dataclass(frozen=True, slots=True)
class Shard:
    """A feature process: ticks of its lanes in, rows and marks into the channel."""

    name: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class Joined:
    """An inference process: rows of all shards in; it waits `deadline_ns` for one that is behind, 0: for ever."""

    shards: tuple[str, ...]
    deadline_ns: int = 0


Role = Shard | Joined
