"""The end of a feature process: its rows and marks go to the channel that the inference process reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import numpy as np

from dataflows.batch import NO_BARS, Batch
from dataflows.interfaces import Snapshot
from dataflows.split.message import EVERYTHING, ShardRows, encode
from schema.bars import Bars
from schema.timeframes import Timeframe

Origin = Callable[[np.ndarray, np.ndarray], tuple[list[str], np.ndarray, np.ndarray]]
MARK_EVERY: Final = 100_000_000  # ns of event time, where nothing closes; every bar ends at such a time, or on a tick


class Channel(Protocol):
    """An ordered, durable log of messages. One thread calls it."""

    def send(self, message: bytes) -> None:
        """Queue a message; waits while the queue is full, raises what kept an earlier one from being delivered."""
        ...

    def commit(self, number: int) -> None:
        """Say that all messages of batch `number` were sent."""
        ...

    def acknowledged(self) -> int:
        """Return the newest batch number up to which all messages are durable."""
        ...

    def flush(self) -> None:
        """Wait until everything sent is durable."""
        ...

    def close(self) -> None:
        """Release. Never raises."""
        ...


class Publisher:
    """Sends the batch's rows, takes them out of it (the inference process stores them), and marks how far it came.

    After a restart rows may be sent again, cut otherwise, but with the same bits: the reader drops what it has, by
    the series' bar sequence. So a producer's transactions and epochs have nothing to protect.
    """

    name = "publisher"

    def __init__(
        self, channel: Channel, shard: str, lanes: int, *, names: Callable[[], Sequence[str]],
        timeframes: Sequence[Timeframe], origin: Origin, fingerprint: str,
    ) -> None:  # fmt: skip
        """Speak for `shard`, which reads `lanes` lanes; `fingerprint` is that of the columns sent."""
        self._channel, self._shard, self._lanes = channel, shard, lanes
        self._names, self._origin, self._fingerprint = names, origin, fingerprint
        self._behind = 0 if all(timeframe.by_time for timeframe in timeframes) else 1
        self._marked = -EVERYTHING

    def step(self, batch: Batch) -> Batch:
        """Send rows where there are any, a mark where time moved on."""
        # A bar by activity may still close at the watermark itself; one by time has.
        through = EVERYTHING if batch.last else batch.watermark - self._behind
        n = len(batch.bars.time)
        if n or batch.last or through // MARK_EVERY > self._marked // MARK_EVERY:
            self._marked = max(self._marked, through)
            for message in encode(self._rows(batch), self._fingerprint):
                self._channel.send(message)
        batch.bars, batch.features, batch.inputs = NO_BARS, None, None
        self._channel.commit(batch.number)
        return batch

    def _rows(self, batch: Batch) -> ShardRows:
        bars, features = batch.bars, batch.features
        symbols, symbol = np.unique(bars.symbol, return_inverse=True)
        known = self._names()
        origins, lane, offset = self._origins(bars)
        return ShardRows(
            self._shard, self._lanes, tuple(known[k] for k in symbols.tolist()), origins,
            bars._replace(symbol=symbol.astype(np.int32), lane=lane, offset=offset),
            np.empty((0, 0)) if features is None else features.values,
            np.empty((0, 0), np.uint8) if features is None else features.why,
            self._marked, batch.stamps.received, batch.stamps.closed,
        )  # fmt: skip

    def _origins(self, bars: Bars) -> tuple[tuple[tuple[str, int], ...], np.ndarray, np.ndarray]:
        """Return the sources and partitions of the rows' last ticks, each row's place among them, and its offset."""
        sources, partitions, offsets = self._origin(bars.lane, bars.offset)
        places = list(zip(sources, partitions.tolist()))
        table = {place: k for k, place in enumerate(dict.fromkeys(places))}
        lane = np.fromiter((table[place] for place in places), np.int32, len(places))
        return tuple(table), lane, np.asarray(offsets, np.int64)

    def snapshot(self) -> Snapshot:
        """Return the mark."""
        return {"marked": self._marked}

    def restore(self, snapshot: Snapshot) -> None:
        """Go on behind it."""
        self._marked = int(snapshot["marked"])
