"""The market's own events and the operator's decisions: messages in the stream with an effective time."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """What happened beside ticks."""

    LISTED = "listed"
    DELISTED = "delisted"
    RENAMED = "renamed"  # to details["to"]
    HALT = "halt"
    RESUME = "resume"
    AUCTION = "auction"
    CORRECTION = "correction"  # of a trade at details["time"]
    CANCEL = "cancel"  # of a trade at details["time"]
    SPLIT = "split"  # details["ratio"] new shares for an old one
    DIVIDEND = "dividend"  # details["amount"] of cash a share
    GAP = "gap"  # the feed lost messages
    END = "end"  # a finite input ended


@dataclass(frozen=True, slots=True)
class Event:
    """One event, effective from `ts_event` on for `symbol` (every symbol if empty)."""

    ts_event: int  # ns UTC
    kind: EventKind
    symbol: str = ""
    lane: int = 0
    offset: int = 0
    details: dict[str, Any] = field(default_factory=dict)  # e.g. {"ratio": 7} of a split


class DecisionKind(StrEnum):
    """What a clock or an operator decided while the stream ran."""

    DEADLINE = "deadline"  # a barrier closed without all lanes
    ACTIVATE = "activate"  # a model takes over at a bar time
    CHALLENGE = "challenge"  # a model is scored beside the champion from a bar time on
    WITHDRAW = "withdraw"  # it is no more
    TIER = "tier"  # inference degraded or recovered
    ADMIT = "admit"  # an unknown symbol joined the universe
    END = "end"  # the input ended here


@dataclass(frozen=True, slots=True)
class Decision:
    """One recorded decision: durable before any output depends on it, read again on resume and replay."""

    time: int  # ns UTC event time it takes effect at
    kind: DecisionKind
    subject: str  # symbol, model version, lane …
    timeframe: str = ""
    details: dict[str, Any] = field(default_factory=dict)
