"""The interfaces of the flow: station, source, store, bus. Each says when it is called and what it guarantees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from dataflows.batch import Arrivals, Batch
from schema.ticks import Bool

Snapshot = dict[str, Any]  # nested dicts; leaves are numpy arrays, or what JSON holds (int, float, str, bool, list)


class EndOfInput(Exception):
    """Raised by a finite source when it has nothing more."""


class Station(Protocol):
    """One step of the flow. Called once a batch, in the flow's order, by one thread."""

    name: str

    def step(self, batch: Batch) -> Batch:
        """Fill the station's part of the batch and return it (the same object)."""
        ...

    def snapshot(self) -> Snapshot:
        """Return the whole state, called between two batches only. Arrays may be live: the caller copies at once."""
        ...

    def restore(self, snapshot: Snapshot) -> None:
        """Take the state over that `snapshot` gave, as if every batch before it had been stepped here."""
        ...


class Source(Protocol):
    """A readable log of ticks. It can be sought, so whatever is read can be read again, in the same order."""

    lanes: tuple[str, ...]  # names of the partitions; a tick's `lane` indexes it

    def next_batch(self) -> Arrivals | None:
        """Return what arrived, None if nothing did. Never blocks. Raises EndOfInput when a finite source is done."""
        ...

    def position(self) -> Snapshot:
        """Return where the next read begins."""
        ...

    def seek(self, position: Snapshot) -> None:
        """Continue from a position that `position` gave. Raises ValueError if the log isn't the same one."""
        ...

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Resolve (lane, offset) to what a person can look up: source name, partition, offset in it."""
        ...

    def close(self) -> None:
        """Release what is held. Never raises."""
        ...


@runtime_checkable
class LiveSource(Source, Protocol):
    """A source of several lanes that others write while it is read."""

    def hold(self, lanes: Bool) -> None:
        """Read the lanes of the mask no further until a later call leaves them out. Called before each poll."""
        ...

    def acknowledged(self, position: Snapshot) -> None:
        """Take notice that a checkpoint with this position counts: a resume begins there or later. Never raises."""
        ...


class Store(Protocol):
    """Tables of `schema.tables`, in one namespace. Rows are keyed: writing one twice leaves one.

    `append` queues and may return before the rows are durable; it blocks when the queue is full and raises the
    writer's error at the next call. One thread calls it.
    """

    def append(self, table: str, columns: Mapping[str, Sequence[Any] | np.ndarray], sequence: int) -> None:
        """Queue rows (equal-length columns; float NaN becomes null) that belong to batch number `sequence`."""
        ...

    def commit(self, sequence: int) -> None:
        """Say that all rows up to batch `sequence` were appended; they become durable together, in this order."""
        ...

    def acknowledged(self) -> int:
        """Return the newest batch number up to which all rows are durable."""
        ...

    def flush(self) -> None:
        """Wait until everything appended is durable. Raises what kept it from being so."""
        ...

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """Read rows."""
        ...

    def close(self) -> None:
        """Flush and release. Never raises."""
        ...


class Bus(Protocol):
    """Newest values and publish/subscribe. At most once; it never stops the tick path."""

    def publish(self, channel: str, key: str, message: bytes, sequence: int) -> None:
        """Set `key` to the message if it is newer than what is there, and send it to the channel's subscribers."""
        ...

    def latest(self, key: str) -> bytes | None:
        """Return the newest message of a key."""
        ...

    def close(self) -> None:
        """Release. Never raises."""
        ...
