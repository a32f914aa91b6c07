"""The split topology in one process: shards over some lanes of a log, a channel in memory, the joining end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dataflows.batch import NO_TICKS, Arrivals
from dataflows.interfaces import EndOfInput, Source
from dataflows.split.message import EVERYTHING, decode
from schema.ticks import take

NONE = Arrivals(NO_TICKS, ())


class LanesOf:
    """Some lanes of a source, numbered anew."""

    def __init__(self, source: Source, lanes: list[int]) -> None:
        self.source, self.chosen = source, np.array(lanes)
        self.lanes = tuple(source.lanes[lane] for lane in lanes)

    def next_batch(self) -> Arrivals | None:
        arrivals = self.source.next_batch()
        if arrivals is None:
            return None
        rows = np.flatnonzero(np.isin(arrivals.ticks.lane, self.chosen))
        place = {int(row): k for k, row in enumerate(rows)}
        home = {int(lane): k for k, lane in enumerate(self.chosen)}
        ticks = take(arrivals.ticks, rows)
        ticks = ticks._replace(lane=np.searchsorted(self.chosen, ticks.lane).astype(np.int32))
        return Arrivals(
            ticks, arrivals.names, {place[row]: text for row, text in arrivals.malformed.items() if row in place},
            tuple(replace(event, lane=home[event.lane]) for event in arrivals.events if event.lane in home),
            {place[row]: text for row, text in arrivals.unknown_kinds.items() if row in place},
        )  # fmt: skip

    def position(self) -> dict[str, Any]:
        return self.source.position()

    def seek(self, position: dict[str, Any]) -> None:
        self.source.seek(position)

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        return self.source.origin(self.chosen[lane].astype(np.int32), offset)

    def close(self) -> None:
        self.source.close()


class MemoryChannel:
    """A log of messages in memory; everything sent is durable."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self._number = 0

    def send(self, message: bytes) -> None:
        self.messages.append(message)

    def commit(self, number: int) -> None:
        self._number = number

    def acknowledged(self) -> int:
        return self._number

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


class MemoryRows:
    """What the shards said, a few messages of one shard at a time; drawn with a seed, or as far as they have come."""

    lanes: tuple[str, ...] = ()

    def __init__(self, channels: list[MemoryChannel], fingerprint: str, width: int, seed: int = 0) -> None:
        self.channels, self.fingerprint, self.width = channels, fingerprint, width
        self.at = [0] * len(channels)
        self.ended = [False] * len(channels)
        self.random = np.random.default_rng(seed)

    def next_batch(self) -> Arrivals | None:
        left = [k for k, channel in enumerate(self.channels) if self.at[k] < len(channel.messages)]
        if not left:
            if all(self.ended):
                raise EndOfInput
            return NONE
        k = int(self.random.choice(left))
        messages = self.channels[k].messages[self.at[k] : self.at[k] + int(self.random.integers(1, 9))]
        self.at[k] += len(messages)
        rows = tuple(decode(message, self.fingerprint, self.width) for message in messages)
        self.ended[k] |= any(part.closed_through == EVERYTHING for part in rows)
        return Arrivals(NONE.ticks, (), shards=rows)

    def position(self) -> dict[str, Any]:
        return {"at": list(self.at), "ended": list(self.ended)}

    def seek(self, position: dict[str, Any]) -> None:
        self.at, self.ended = list(position["at"]), list(position["ended"])

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        raise AssertionError("the join station knows origins")

    def close(self) -> None:
        pass
