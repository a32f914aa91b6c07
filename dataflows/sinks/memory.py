"""A store in memory, for tests and notebooks: the same tables and SQL, gone with the process."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from dataflows.sinks import ddl
from dataflows.sinks.columns import Columns
from dataflows.sinks.errors import explain
from dataflows.sinks.sqlite import Tables
from dataflows.sinks.state import UP, SinkState
from dataflows.sinks.writer import Group
from schema.stores import COMMITTED, check_namespace, of_writer

_PLACE = "memory:"


class MemoryStore:
    """`dataflows.interfaces.Store` in memory; writes at once, any thread may read."""

    def __init__(self, namespace: str = "live", feature_names: Sequence[str] = (), writer: str = "") -> None:
        """Make the namespace's tables."""
        self.namespace, self._committed = check_namespace(namespace), of_writer(COMMITTED, writer)
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._tables = Tables(self._connection, namespace, feature_names, _PLACE, writer)
        ddl.name_tables(self._connection, namespace)
        self._group, self._acknowledged, self._lock = Group(), 0, threading.Lock()

    def append(self, table: str, columns: Columns, sequence: int) -> None:
        """Keep rows for the next commit."""
        self._group.parts.append(self._tables.part(table, columns))

    def commit(self, sequence: int) -> None:
        """Write what was appended."""
        self._group.sequence = sequence
        self.flush()
        self._acknowledged = sequence

    def acknowledged(self) -> int:
        """Return the newest batch number written."""
        return self._acknowledged

    def last_committed(self) -> int:
        """Return the newest batch number in the store."""
        return int(self.get_meta(self._committed) or 0)

    def sync(self) -> None:
        """Write what was appended."""
        self.flush()

    def flush(self) -> None:
        """Write what was appended."""
        group, self._group = self._group, Group()
        try:
            with self._lock:
                self._tables.write([group])
        except sqlite3.Error as error:
            raise explain(error, _PLACE) from error

    def state(self) -> SinkState:
        """Return that it is up: it fails at once or not at all."""
        return UP

    def put_meta(self, name: str, value: str) -> None:
        """Keep one value of the namespace for the next commit."""
        self._group.parts.append(self._tables.meta(name, value))

    def get_meta(self, name: str) -> str | None:
        """Return one value of the namespace."""
        with self._lock:
            return ddl.read_meta(self._connection, self.namespace, name)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """Read rows as they are now."""
        try:
            with self._lock:
                cursor = self._connection.execute(sql, parameters)
                names = [column[0] for column in cursor.description or ()]
                found = cursor.fetchall()
        except sqlite3.Error as error:
            raise explain(error, _PLACE) from error
        return (dict(zip(names, row)) for row in found)

    def close(self) -> None:
        """Nothing to release: rows stay readable until the object is gone."""
