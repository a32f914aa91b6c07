"""Where records of jobs are kept, as the queue needs it: one table that is changed as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from models.jobs.record import Job

T = TypeVar("T")


class RecordsAway(Exception):
    """The records can't be read or written now. The text says where and what to do; trying again may work."""


class Table(Protocol):
    """The records inside one change."""

    def get(self, identity: str) -> Job | None:
        """Return a record."""
        ...

    def put(self, job: Job) -> None:
        """Add or replace a record."""
        ...

    def delete(self, identity: str) -> None:
        """Remove a record, where there is one."""
        ...

    def open(self) -> list[Job]:
        """Return all runs and batches that are queued or running, in order of submission."""
        ...

    def ended(self) -> list[str]:
        """Return the ids of all others, in order of submission."""
        ...

    def keyed(self, key: str) -> Job | None:
        """Return the record with a client's key."""
        ...

    def number(self) -> int:
        """Return the next number in order of submission."""
        ...

    def mark(self, name: str) -> str:
        """Return a value that `set_mark` kept, "" where there is none."""
        ...

    def set_mark(self, name: str, value: str) -> None:
        """Keep a value."""
        ...


class Records(Protocol):
    """A store of records that any number of processes share."""

    def change(self, act: Callable[[Table], T]) -> T:
        """Let `act` read and write, as if nobody else did meanwhile, and return what it returned.

        What it wrote is durable then; nothing is written where it raises. It may be called several times, until
        nobody came between: it does nothing but read and write the table. Raises RecordsAway.
        """
        ...

    def get(self, identity: str) -> Job | None:
        """Return a record as it is now. Raises RecordsAway."""
        ...

    def newest(self, limit: int) -> list[Job]:
        """Return the records submitted last, the newest first. Raises RecordsAway."""
        ...

    def changed(self, revision: int) -> tuple[int, list[Job]]:
        """Return the newest revision, and the records that were written since an older one. Raises RecordsAway."""
        ...

    def marks(self) -> dict[str, str]:
        """Return all marks. Raises RecordsAway."""
        ...

    def close(self) -> None:
        """Release what is open."""
        ...
