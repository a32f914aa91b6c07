"""The embedded store: one SQLite file in WAL mode, read by any process while one writes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

from dataflows.sinks import ddl
from dataflows.sinks.columns import Columns, adopt, layout, rows
from dataflows.sinks.errors import StoreUnavailable, explain
from dataflows.sinks.lock import WriterLock
from dataflows.sinks.state import UP, SinkState
from dataflows.sinks.writer import Group, Writer
from schema.stores import COMMITTED, check_namespace, of_writer, stored_name
from schema.tables import TABLES

_ROWS = 256  # of one statement
_MARKS = 32_766  # that SQLite takes in a statement unless it was built otherwise


class Tables:
    """Writes groups of rows of one namespace over a connection. What the embedded stores share."""

    def __init__(
        self, connection: sqlite3.Connection, namespace: str, features: Sequence[str], place: str, writer: str = ""
    ) -> None:
        """Make or update the namespace's tables."""
        self._connection, self._namespace, self._features = connection, namespace, tuple(features)
        self._committed = of_writer(COMMITTED, writer)
        ddl.prepare(connection, namespace, self._features, place)
        tables = {ddl.META.name: ddl.META, **TABLES}
        self._tables = tables
        self._full = {name: self._upsert(name, self._rows_a_statement(name)) for name in tables}

    def _rows_a_statement(self, name: str) -> int:
        return max(min(_ROWS, _MARKS // len(layout(self._tables[name], self._features))), 1)

    def _upsert(self, name: str, n: int) -> str:
        table = self._tables[name]
        stored = name if table is ddl.META else stored_name(name, self._namespace)
        return ddl.upsert(table, stored, self._features, n)

    def _insert(self, name: str, records: Iterator[tuple[Any, ...]]) -> None:
        """Write rows, many a statement.

        The driver lets the interpreter go at every statement and then waits up to 5 ms to get it back from a busy
        flow. Row by row, a store in the flow's process wrote a few hundred rows a second; this way it keeps up.
        """
        most = self._rows_a_statement(name)
        while chunk := list(islice(records, most)):
            statement = self._full[name] if len(chunk) == most else self._upsert(name, len(chunk))
            self._connection.execute(statement, list(chain.from_iterable(chunk)))

    def part(self, table: str, columns: Columns) -> tuple[str, dict[str, Any], int]:
        """Check and copy rows of a table. Raises ValueError as `adopt` does, KeyError for an unknown table."""
        if table not in TABLES:
            raise KeyError(f"table {table!r} is not in schema.tables; it has {list(TABLES)}")
        own, n = adopt(TABLES[table], self._features, columns)
        return table, own, n

    def meta(self, name: str, value: str) -> tuple[str, dict[str, Any], int]:
        """Return a row of `meta` as a part."""
        return ddl.META.name, {"namespace": [self._namespace], "name": [name], "value": [value]}, 1

    def write(self, groups: Sequence[Group]) -> None:
        """Write groups in one transaction: all or nothing."""
        parts: dict[str, list[tuple[dict[str, Any], int]]] = {}
        completed = [Group([self.meta(self._committed, str(g.sequence))]) for g in groups if g.sequence is not None]
        for group in (*groups, *completed[-1:]):
            for name, own, n in group.parts:
                parts.setdefault(name, []).append((own, n))
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for name, adopted in parts.items():
                cells = (rows(self._tables[name], self._features, own, n) for own, n in adopted)
                self._insert(name, chain.from_iterable(cells))
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise


def cells(own: dict[str, Any], n: int) -> int:
    """Return about how many numbers the adopted columns hold."""
    return sum(column.size if hasattr(column, "size") else n for column in own.values())


class SqliteStore:
    """`dataflows.interfaces.Store` in a file.

    Other namespaces of the same file carry their name before the table's (`replay__bars`); the live one has none.
    An acknowledged row survives the death of the process; after `flush` it survives a power cut as well. The
    writer waits `patience` seconds for another process's lock before it fails.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        namespace: str = "live",
        feature_names: Sequence[str] = (),
        *,
        patience: float = 10.0,
        queue_cells: int = 4_000_000,
        writer: str = "",
    ) -> None:
        """Open for writing, making file and tables where they are missing; `writer` is one of several.

        Raises StoreUnavailable where another dataflow writes this namespace, StoreMismatch where the file is of
        another schema version or no database.
        """
        self.path, self.namespace = Path(path), check_namespace(namespace)
        self._group, self._patience = Group(), patience
        if not self.path.parent.is_dir():
            raise StoreUnavailable(f"store {self.path}: folder {self.path.parent} doesn't exist; make it first")
        self._committed = of_writer(COMMITTED, writer)
        self._lock = WriterLock(self.path, of_writer(namespace, writer))
        try:
            self._connection = self._open()
            self._tables = Tables(self._connection, namespace, feature_names, str(self.path), writer)
            self._file = os.stat(self.path).st_ino
        except Exception as error:
            self._lock.release()
            raise explain(error, str(self.path)) from error
        self._writer = Writer(self._write, queue_cells)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=self._patience, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA journal_size_limit = {64 << 20}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def append(self, table: str, columns: Columns, sequence: int) -> None:
        """Queue rows. Raises ValueError where they don't fit the table, and the writer's error."""
        self._writer.check()
        part = self._tables.part(table, columns)
        self._group.parts.append(part)
        self._group.cells += cells(part[1], part[2])

    def commit(self, sequence: int) -> None:
        """Hand the rows appended since the last commit to the writer; waits while its queue is full."""
        group, self._group = self._group, Group()
        group.sequence = sequence
        self._writer.put(group)

    def acknowledged(self) -> int:
        """Return the newest batch number written by this store object, 0 before the first."""
        return self._writer.acknowledged

    def last_committed(self) -> int:
        """Return the newest batch number in the store, from whichever run wrote it; 0 if none did."""
        return int(self.get_meta(self._committed) or 0)

    def sync(self) -> None:
        """Flush: rows go nowhere else."""
        self.flush()

    def flush(self) -> None:
        """Wait until all that was appended is on the disk itself."""
        if self._group.parts:
            group, self._group = self._group, Group()
            self._writer.put(group)
        self._writer.flush()

    def state(self) -> SinkState:
        """Return that it is up: it fails at once or not at all."""
        return UP

    def put_meta(self, name: str, value: str) -> None:
        """Queue one value of the namespace (catalogue, status …); it becomes durable with the next commit."""
        self._writer.check()
        self._group.parts.append(self._tables.meta(name, value))

    def get_meta(self, name: str) -> str | None:
        """Return one durable value of the namespace."""
        connection = self._reading()
        try:
            return ddl.read_meta(connection, self.namespace, name)
        finally:
            connection.close()

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """Read durable rows; the tables of this namespace go by their names in `schema.tables`."""
        connection = self._reading()
        try:
            ddl.name_tables(connection, self.namespace)
            cursor = connection.execute(sql, parameters)
        except sqlite3.Error as error:
            connection.close()
            raise explain(error, str(self.path)) from error
        return _read(connection, cursor)

    def _reading(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, timeout=self._patience)

    def _write(self, groups: list[Group], sync: bool) -> None:
        try:
            self._check_there()
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if sync else 'NORMAL'}")
            if sync and not groups:
                groups = [Group([self._tables.meta("flushed", "1")])]
            self._tables.write(groups)
        except Exception as error:
            raise explain(error, str(self.path)) from error

    def _check_there(self) -> None:
        """See that the file still has its name: SQLite would go on writing into a deleted one."""
        try:
            there = os.stat(self.path).st_ino == self._file
        except OSError:
            there = False
        if not there:
            raise StoreUnavailable(
                f"store {self.path}: the file was removed or replaced while it was written; "
                "bring it back or name another one, then resume"
            )

    def close(self) -> None:
        """Write what was appended, then release the file. Never raises: call `flush` to learn of errors."""
        with suppress(Exception):
            self.flush()
        self._writer.stop()
        self._connection.close()
        self._lock.release()


def _read(connection: sqlite3.Connection, cursor: sqlite3.Cursor) -> Iterator[dict[str, Any]]:
    try:
        names = [column[0] for column in cursor.description or ()]
        for row in cursor:
            yield dict(zip(names, row))
    finally:
        connection.close()
