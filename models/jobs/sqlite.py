"""Records of jobs in a SQLite file in WAL mode: of all processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from models.jobs.record import Job
from models.jobs.records import RecordsAway, Table

T = TypeVar("T")

_PATIENCE_S: Final = 10.0  # for another process's change
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, number INTEGER NOT NULL, open INTEGER NOT NULL, key TEXT NOT NULL,
    revision INTEGER NOT NULL, record BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS jobs_in_order ON jobs (open, number);
CREATE INDEX IF NOT EXISTS jobs_by_key ON jobs (key);
CREATE INDEX IF NOT EXISTS jobs_by_revision ON jobs (revision);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
_read = msgspec.json.Decoder(Job).decode


class SqliteRecords:
    """The file is made when it is first asked for; any thread may call."""

    def __init__(self, path: Path) -> None:
        """Open later."""
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        self._lock = threading.Lock()

    def change(self, act: Callable[[Table], T]) -> T:
        """Let `act` read and write alone."""
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                found = act(_Table(connection))
                connection.execute("COMMIT")
                return found
            except BaseException:
                connection.execute("ROLLBACK")
                raise

    def get(self, identity: str) -> Job | None:
        """Return a record."""
        with self._opened() as connection:
            return _Table(connection).get(identity)

    def newest(self, limit: int) -> list[Job]:
        """Return the newest records."""
        with self._opened() as connection:
            rows = connection.execute("SELECT record FROM jobs ORDER BY number DESC LIMIT ?", (limit,))
            return [_read(record) for (record,) in rows]

    def changed(self, revision: int) -> tuple[int, list[Job]]:
        """Return what was written since."""
        with self._opened() as connection:
            rows = connection.execute(
                "SELECT revision, record FROM jobs WHERE revision > ? ORDER BY revision", (revision,)
            ).fetchall()
        return max([revision, *(row[0] for row in rows)]), [_read(row[1]) for row in rows]

    def marks(self) -> dict[str, str]:
        """Return all marks."""
        with self._opened() as connection:
            return dict(connection.execute("SELECT name, value FROM marks"))

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._open()
            except (sqlite3.Error, OSError) as error:
                self._close()
                raise RecordsAway(f"jobs in {self._path}: {error}; check the file and its folder (jobs.url)") from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._process != os.getpid() or not self._path.exists():
            self._close()
            self._path.parent.mkdir(parents=True, exist_ok=True)
            made = sqlite3.connect(self._path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
            self._connection, self._process = made, os.getpid()
            made.execute("PRAGMA journal_mode = WAL")
            made.execute("PRAGMA synchronous = FULL")  # a job that was accepted is there after a power loss
            made.executescript(_TABLES)
        return self._connection


class _Table:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._ask = connection.execute

    def get(self, identity: str) -> Job | None:
        return self._one("SELECT record FROM jobs WHERE id = ?", identity)

    def put(self, job: Job) -> None:
        row = (job.id, job.number, job.is_open, job.key, self._count("revision"), msgspec.json.encode(job))
        self._ask("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?)", row)

    def delete(self, identity: str) -> None:
        self._ask("DELETE FROM jobs WHERE id = ?", (identity,))

    def open(self) -> list[Job]:
        return [_read(record) for (record,) in self._ask("SELECT record FROM jobs WHERE open ORDER BY number")]

    def ended(self) -> list[str]:
        return [identity for (identity,) in self._ask("SELECT id FROM jobs WHERE NOT open ORDER BY number")]

    def keyed(self, key: str) -> Job | None:
        return self._one("SELECT record FROM jobs WHERE key = ? AND key <> ''", key)

    def number(self) -> int:
        return self._count("number")

    def mark(self, name: str) -> str:
        found = self._ask("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return "" if found is None else str(found[0])

    def set_mark(self, name: str, value: str) -> None:
        self._ask("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, value))

    def _count(self, name: str) -> int:
        up = "INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value"
        return int(self._ask(up, (name,)).fetchone()[0])

    def _one(self, sql: str, value: Any) -> Job | None:
        found = self._ask(sql, (value,)).fetchone()
        return None if found is None else _read(found[0])
