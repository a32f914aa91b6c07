"""What decoding one format of a poll gives, and how parts become one batch in the order of the messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dataflows.batch import Arrivals
from schema.events import Event
from schema.ticks import Int64, Ticks, concat, take, ticks_of


@dataclass(slots=True)
class Part:
    """Ticks of some messages of a poll. `message` is each tick's message, `ticks.index` its place in that."""

    ticks: Ticks
    message: Int64
    malformed: dict[int, str] = field(default_factory=dict)
    unknown_kinds: dict[int, str] = field(default_factory=dict)
    events: list[tuple[int, Event]] = field(default_factory=list)  # with their message


@dataclass(frozen=True, slots=True)
class Refused:
    """A message, or one tick in it, that can't be read; time and symbol as far as they could be saved."""

    message: int
    found: str
    ts_event: int = 0
    symbol: int = -1


def refusals(refused: Sequence[Refused]) -> Part:
    """Return one malformed row a refused message."""
    ticks = ticks_of(
        len(refused), ts_event=[each.ts_event for each in refused], symbol=[each.symbol for each in refused]
    )
    message = np.array([each.message for each in refused], np.int64)
    return Part(ticks, message, malformed={row: each.found for row, each in enumerate(refused)})


def arrivals_of(parts: Sequence[Part], lane: Int64, offset: Int64, names: tuple[str, ...]) -> Arrivals:
    """Join parts in the order of the messages; `lane` and `offset` are the messages'."""
    parts = [part for part in parts if len(part.message) or part.events]
    if not parts:
        return Arrivals(ticks_of(0), names)
    ticks, message = concat([part.ticks for part in parts]), np.concatenate([part.message for part in parts])
    starts = np.cumsum([0, *(len(part.message) for part in parts[:-1])]).tolist()
    malformed = {start + row: text for start, part in zip(starts, parts) for row, text in part.malformed.items()}
    unknown = {start + row: text for start, part in zip(starts, parts) for row, text in part.unknown_kinds.items()}
    if len(parts) > 1:
        order = np.argsort(message, kind="stable")
        ticks, message = take(ticks, order), message[order]
        malformed, unknown = _moved(malformed, order), _moved(unknown, order)
    ticks = ticks._replace(lane=lane[message].astype(np.int32), offset=offset[message])
    events = sorted((found for part in parts for found in part.events), key=lambda found: found[0])
    return Arrivals(ticks, names, malformed, tuple(_placed(found, lane, offset) for found in events), unknown)


def _moved(texts: dict[int, str], order: np.ndarray) -> dict[int, str]:
    """Rekey texts to where their rows went."""
    if not texts:
        return texts
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return {int(place[row]): text for row, text in texts.items()}


def _placed(found: tuple[int, Event], lane: Int64, offset: Int64) -> Event:
    message, event = found
    return Event(
        event.ts_event, event.kind, event.symbol, int(lane[message]), int(offset[message]), event.details
    )  # fmt: skip
