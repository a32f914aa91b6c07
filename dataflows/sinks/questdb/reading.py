"""Reads over pgwire: rows of one namespace as they stand behind every acknowledged write."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from dataflows.sinks.errors import StoreError, StoreUnavailable
from dataflows.sinks.questdb.probes import suspended
from schema.questdb import META, NOT_STARTED, Address, decoded, prepared
from schema.stores import stored_name
from schema.tables import TABLES

_POLL: Final = 0.002  # seconds between two looks at how far the write-ahead logs are applied
# What a server that stops, or cuts a query short, says of the query (QuestDB's CairoException): no fault of the SQL.
_INTERRUPTED: Final = ("cancelled by user", "query aborted")


class Reading:
    """Opens a connection a call; any thread may call it."""

    def __init__(self, address: Address, namespace: str, patience: float = 10.0, silence_s: float = 60.0) -> None:
        """Read from the server at `address`; wait up to `patience` seconds for it to answer and to apply writes.

        A query may take longer, but not `silence_s` to its first row or from one to the next.
        """
        self.address, self.namespace, self.patience, self.silence_s = address, namespace, patience, silence_s
        self._stored = {META, *(stored_name(name, namespace) for name in TABLES)}

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """Yield rows as dicts: times as ns UTC, bytes as bytes. The query runs at once.

        Raises StoreUnavailable where the server is away or doesn't apply what it took, StoreError for wrong SQL.
        """
        from ops.pgwire import Describing

        connection = self._connect()
        try:
            self._wait_applied(connection)
            text = prepared(Describing(connection), sql, self.namespace)
            cursor = connection.cursor(binary=True)
            found = cursor.stream(text, tuple(parameters))
            first = next(found, None)
        except Exception as error:
            connection.close()
            raise self._explained(error) from error
        return self._read(connection, cursor, first, found)

    def execute(self, *statements: str) -> None:
        """Run statements that return nothing, as they are."""
        connection = self._connect()
        try:
            for statement in statements:
                connection.execute(statement.encode())
        except Exception as error:
            raise self._explained(error) from error
        finally:
            connection.close()

    def meta(self, name: str) -> str | None:
        """Return one of the namespace's own values."""
        sql = f'SELECT "value" FROM "{META}" WHERE "namespace" = ? AND "name" = ?'
        row = next(self.rows(sql, (self.namespace, name)), None)
        return None if row is None else str(row["value"])

    def check_not_suspended(self) -> None:
        """Raise StoreUnavailable where the server takes rows of a table and no longer applies them."""
        connection = self._connect()
        try:
            stopped = [row for row in self._logs(connection) if row[1]]
        finally:
            connection.close()
        if stopped:
            raise suspended(self.address, stopped[0][0], stopped[0][4])

    def _read(self, connection: Any, cursor: Any, first: Any, found: Iterator[Any]) -> Iterator[dict[str, Any]]:
        try:
            if first is not None:
                names = [column.name for column in cursor.description]
                yield decoded(names, first)
                for row in found:
                    yield decoded(names, row)
        except GeneratorExit:
            raise
        except Exception as error:
            raise self._explained(error) from error
        finally:
            connection.close()

    def _connect(self) -> Any:
        import psycopg

        from ops.pgwire import connected

        try:
            return connected(self.address, self.patience, self.silence_s)
        except psycopg.Error as error:
            raise self._explained(error) from error

    def _logs(self, connection: Any) -> list[tuple[Any, ...]]:
        sql = "SELECT name, suspended, writerTxn, sequencerTxn, errorMessage FROM wal_tables()"
        return [row for row in connection.execute(sql).fetchall() if row[0] in self._stored]

    def _wait_applied(self, connection: Any) -> None:
        """Wait until what the server took up to now can be read: a 200 promises the write-ahead log only."""
        logs = self._logs(connection)
        taken, until = {row[0]: row[3] for row in logs}, time.monotonic() + self.patience
        while behind := [row for row in logs if row[2] < taken.get(row[0], 0)]:
            if stopped := [row for row in behind if row[1]]:
                raise suspended(self.address, stopped[0][0], stopped[0][4])
            if time.monotonic() > until:
                raise StoreUnavailable(
                    f"store {self.address}: table {behind[0][0]} has not applied what it took "
                    f"{self.patience:g} s ago; see the server's log and its load, then resume"
                )
            time.sleep(_POLL)
            logs = self._logs(connection)

    def _explained(self, error: Exception) -> Exception:
        import psycopg

        if isinstance(error, StoreError) or not isinstance(error, psycopg.Error):
            return error
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if isinstance(error, psycopg.OperationalError):
            return StoreUnavailable(
                f"store {self.address}: no answer over pgwire at port {self.address.pg}: {said}; {NOT_STARTED}"
            )
        if any(text in said for text in _INTERRUPTED):
            return StoreUnavailable(
                f"store {self.address}: the server ended a query: {said}; see whether it was stopped, then resume"
            )
        return StoreError(f"store {self.address}: {said}")
