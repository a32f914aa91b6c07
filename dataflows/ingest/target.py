"""Where an ingester writes, and how it learns at a start what is there already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from dataflows.batch import Arrivals
from dataflows.messages.decode import Decoder
from dataflows.messages.encode import encode_columns, encode_event
from dataflows.segments.frames import MESSAGE, STATE
from dataflows.segments.writer import Policy, SegmentWriter
from schema.events import Event
from schema.ticks import Ticks, count


class Tail(NamedTuple):
    """The end of what was written: a state, and what came after it."""

    state: dict[str, Any] | None
    arrivals: Arrivals | None


class Target(Protocol):
    """A log that one ingester appends to. One thread calls it."""

    name: str
    cut_bytes: int  # what a crash had left torn at its end, and was cut when it was opened

    def tail(self) -> Tail:
        """Return the end of the log, with all that is needed to go on: called once, before the first write."""
        ...

    def remember(self, state: Callable[[], dict[str, Any]]) -> None:
        """Ask `state` for what has to be known at a start whenever the log is about to forget its end."""
        ...

    def write(self, ticks: Ticks, names: Sequence[str], events: Sequence[Event], unreadable: Sequence[bytes]) -> None:
        """Append, events before ticks; when it is durable the target says. Raises an error with an exit code."""
        ...

    def idle(self) -> None:
        """Do what is due: called some times a second."""
        ...

    def close(self) -> None:
        """Make all durable and release."""
        ...


class SegmentTarget:
    """A lane of a segment log on this machine."""

    def __init__(self, root: Path, lane: str, policy: Policy) -> None:
        """Open the lane; raises as `SegmentWriter` does."""
        self.name = str(root / lane)
        self._writer = SegmentWriter(root / lane, policy)
        self.cut_bytes = self._writer.cut_bytes

    def tail(self) -> Tail:
        """Read the newest segment."""
        frames = self._writer.tail()
        if not frames:
            return Tail(None, None)
        state = msgspec.json.decode(frames[0].body) if frames[0].kind == STATE else None
        messages = [frame for frame in frames if frame.kind == MESSAGE]
        n = len(messages)
        arrivals = Decoder().decode(
            [frame.body for frame in messages], [None] * n, [0] * n, [frame.offset for frame in messages]
        )
        return Tail(state, arrivals)

    def remember(self, state: Callable[[], dict[str, Any]]) -> None:
        """Put the state first into each new segment."""
        self._writer.state = lambda: msgspec.json.encode(state())

    def write(
        self, ticks: Ticks, names: Sequence[str], events: Sequence[Event], unreadable: Sequence[bytes]
    ) -> None:  # fmt: skip
        """Append in one go."""
        bodies = [encode_event(event) for event in events]
        if count(ticks):
            bodies.append(encode_columns(ticks, names))
        self._writer.append([*bodies, *unreadable])

    def idle(self) -> None:
        """Sync what has waited long enough."""
        self._writer.sync_if_due()

    def close(self) -> None:
        """Sync and release."""
        self._writer.close()
