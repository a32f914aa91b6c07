"""The service over QuestDB: the same answers as over the embedded store, from SQL of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any, Final, TypeVar

import psycopg

from api.cache import Cache
from api.reader import CURSOR, Reader, SeriesKey
from api.store import Row, StoreAway, check_version
from ops.pgwire import Describing, connected
from schema.questdb import META, NOT_STARTED, decoded, prepared, questdb_address
from schema.stores import LIVE, check_namespace, stored_name
from schema.tables import TABLES

T = TypeVar("T")

_PATIENCE: Final = 5  # seconds for an answer


class QuestDbRows:
    """Rows of one namespace of a QuestDB, over one pgwire connection; any thread may call it.

    The server may come later, go and return: a call that fails drops the connection, and the next makes another.
    """

    def __init__(self, url: str, namespace: str = LIVE, cache_ttl: float = 300.0) -> None:
        """Read `questdb://host:port`. Raises ValueError for another URL. Doesn't connect yet."""
        self.address, self.namespace = questdb_address(url), check_namespace(namespace)
        self.name, self.folder = str(self.address), Path()
        self._connection: Any = None
        self._cache = Cache(cache_ttl)
        self._tables = tuple(stored_name(table, namespace) for table in TABLES)
        self._lock = threading.RLock()

    def table(self, name: str) -> str:
        """Return what a table of the schema is called here, quoted."""
        return f'"{stored_name(name, self.namespace)}"'

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Read rows, times as ns UTC. Raises StoreAway."""
        with self._lock:
            try:
                connection = self._open()
                cursor = connection.cursor(binary=True)
                cursor.execute(prepared(Describing(connection), sql, self.namespace), tuple(parameters))
                names = [column.name for column in cursor.description]
                return [decoded(names, row) for row in cursor.fetchall()]
            except psycopg.Error as error:
                self.close()
                raise StoreAway(self._advice(error)) from error

    def meta(self, name: str) -> str | None:
        """Return one of the namespace's own values. Raises StoreAway."""
        sql = f'SELECT "value" FROM "{META}" WHERE "namespace" = ? AND "name" = ?'
        found = self.rows(sql, (self.namespace, name))
        return str(found[0]["value"]) if found else None

    def check(self) -> None:
        """Raise StoreAway where the namespace can't be read, or is of another schema version."""
        check_version(self.name, self.namespace, self.meta("schema_version"), "undertone run")

    def cached(self, key: Any, make: Callable[[], T]) -> T:
        """Return what `make` returned for this key since rows were last applied; at most `cache_ttl` seconds old."""
        with self._lock:
            return self._cache.get(key, self._version(), make)

    def version(self) -> None:
        """Return None: only a query tells what was written."""

    def close(self) -> None:
        """Drop the connection; the next read opens another."""
        with self._lock, suppress(psycopg.Error):
            connection, self._connection = self._connection, None
            self._cache.clear()
            if connection is not None:
                connection.close()

    def _version(self) -> tuple[tuple[str, int], ...]:
        """Return numbers that change with every write that readers can see."""
        rows = self.rows("SELECT name, writerTxn FROM wal_tables()")
        ours = (META, *self._tables)
        return tuple(sorted((row["name"], row["writerTxn"]) for row in rows if row["name"] in ours))

    def _open(self) -> Any:
        if self._connection is None:
            self._connection = connected(self.address, _PATIENCE, _PATIENCE)
        return self._connection

    def _advice(self, error: psycopg.Error) -> str:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if "does not exist" in said:
            return (
                f"store {self.name} has no tables in namespace {self.namespace!r} yet; start the dataflow "
                "(undertone run) with this store and namespace"
            )
        return f"store {self.name} can't be read over pgwire at port {self.address.pg}: {said}; {NOT_STARTED}"


class QuestDbReader(Reader):
    """The service's queries in QuestDB's SQL."""

    def series(self, table: str) -> list[SeriesKey]:
        """Return the symbols and timeframes that a table holds, in order of symbol."""
        sql = f"SELECT DISTINCT symbol, timeframe FROM {self.store.table(table)} ORDER BY symbol, timeframe"
        return [(row["symbol"], row["timeframe"]) for row in self._cached(sql)]

    def spans(self) -> list[Row]:
        """Return every series of bars with the times of its first and last one (ns UTC)."""
        return self._cached(
            f"SELECT symbol, timeframe, min(time) AS first, max(time) AS last FROM {self.store.table('bars')} "
            "GROUP BY symbol, timeframe ORDER BY symbol, timeframe"
        )

    def newest_predictions(self, timeframe: str | None = None) -> list[Row]:
        """Return the newest prediction of every series, or of one timeframe's, in order of symbol.

        A bar has one a horizon and model, and the champion's, which comes first in the output sequence, is meant:
        first the newest time of each series is asked for, then all rows of those times.
        """
        table = self.store.table("predictions")
        where, values = ("", ()) if timeframe is None else ("WHERE timeframe = ?", (timeframe,))
        latest = "LATEST ON time PARTITION BY symbol, timeframe"
        ends = self._cached(f"SELECT symbol, timeframe, time FROM {table} {where} {latest}", *values)
        if not ends:
            return []
        times = sorted({row["time"] for row in ends})
        marks = ", ".join("?" * len(times))
        order = "symbol, timeframe, bar_sequence DESC, sequence"
        rows = self._cached(f"SELECT * FROM {table} WHERE time IN ({marks}) ORDER BY {order}", *times)
        newest = {(row["symbol"], row["timeframe"]): row["time"] for row in ends}
        kept = (row for row in rows if newest.get((row["symbol"], row["timeframe"])) == row["time"])
        return [next(group) for _, group in groupby(kept, lambda row: (row["symbol"], row["timeframe"]))]

    def recent_prices(self, timeframe: str, symbols: int, limit: int) -> dict[str, list[float]]:
        """Return the newest `limit` mids, or closes where there was no quote, of the first symbols; oldest first.

        A query a symbol reads its newest rows from the end; one for all would read the whole table.
        """
        names = [symbol for symbol, name in self.series("bars") if name == timeframe][:symbols]
        sql = (
            f"SELECT coalesce(mid, close) AS price FROM {self.store.table('bars')} WHERE symbol = ? AND timeframe = ? "
            "ORDER BY time DESC, bar_sequence DESC LIMIT ?"
        )
        found = {name: self._cached(sql, name, timeframe, limit)[::-1] for name in names}
        return {name: [row["price"] for row in rows if row["price"] is not None] for name, rows in found.items()}

    def bars_after(self, timeframe: str, time: int, symbols: Collection[str]) -> list[Row]:
        """Return symbol, time, number, close and volume of the bars that closed after `time` (ns UTC), oldest first.

        Rows lie by time: those of other symbols are read on the way, and left out.
        """
        sql = (
            f"SELECT symbol, time, bar_sequence, close, volume FROM {self.store.table('bars')} "
            "WHERE timeframe = ? AND time > ? ORDER BY time, bar_sequence"
        )
        if len(symbols) == 1:
            return self.store.rows(sql.replace("WHERE", "WHERE symbol = ? AND"), (*symbols, timeframe, time))
        wanted = frozenset(symbols)
        return [row for row in self.store.rows(sql, (timeframe, time)) if row["symbol"] in wanted]

    def features_at(self, name: str, timeframe: str, time: int, symbols: Collection[str]) -> dict[str, float | None]:
        """Return one column of the symbols' feature rows of a bar time (ns UTC); of those that have one."""
        if not self._stores(name):
            return {}
        table, wanted = self.store.table("features"), frozenset(symbols)
        rows = self.store.rows(
            f'SELECT symbol, "{name}" AS value FROM {table} WHERE timeframe = ? AND time = ?', (timeframe, time)
        )
        return {row["symbol"]: row["value"] for row in rows if row["symbol"] in wanted}

    def _behind(self, before: Sequence[Any]) -> tuple[str, list[Any]]:
        """Compare with the cursor column by column: QuestDB knows no rows as values."""
        cases, values = list[str](), list[Any]()
        for place, name in enumerate(CURSOR):
            equal = "".join(f"{other} = ? AND " for other in CURSOR[:place])
            cases.append(f"({equal}{name} < ?)")
            values += before[: place + 1]
        return f"({' OR '.join(cases)})", values

    def _cached(self, sql: str, *values: Any) -> list[Row]:
        return self.store.cached((sql, values), lambda: self.store.rows(sql, values))
