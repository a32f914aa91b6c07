"""How a store or a bus is doing: what metrics and `/health` tell of it."""

from __future__ import annotations

from typing import Final, NamedTuple


class SinkState(NamedTuple):
    """The state of a sink now."""

    name: str  # up, spooling (the server is away, rows stay on our disk), full (and the flow waits), away, failed
    detail: str = ""
    waiting: int = 0  # bytes, for a bus messages, that the server doesn't have yet
    rejected: int = 0  # rows that the server refused; messages that were never sent, newer ones took their place
    since: float = 0.0  # Unix time at which the state began, 0 if it was never another


UP: Final = SinkState("up")
NAMES: Final = ("up", "spooling", "full", "away", "failed")  # the metric's number is the place in here
