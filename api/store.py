"""Read the embedded store from outside the process that writes it."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from api.cache import Cache
from schema.stores import LIVE, check_namespace, sqlite_path, stored_name
from schema.tables import SCHEMA_VERSION

Row = dict[str, Any]
T = TypeVar("T")


class StoreAway(Exception):
    """There is no store to read yet, or it can't be read now. The text says what to do."""


def check_version(store: str, namespace: str, version: str | None, start: str) -> None:
    """Raise StoreAway where a namespace has no tables or is of another schema version; `start` makes them."""
    if version != str(SCHEMA_VERSION):
        found = "no tables" if version is None else f"schema version {version}"
        raise StoreAway(
            f"store {store} has {found} in namespace {namespace!r}, expected version {SCHEMA_VERSION}; "
            f"start the dataflow ({start}) with this store and namespace"
        )


class Rows(Protocol):
    """Rows of one namespace of a store, for any thread. Never writes, never blocks the writer."""

    name: str  # what a person calls the store
    folder: Path  # on the disk whose load matters

    def table(self, name: str) -> str:
        """Return what a table of the schema is called here, quoted."""
        ...

    def rows(self, sql: str, parameters: Any = ()) -> list[Row]:
        """Read rows. Raises StoreAway."""
        ...

    def meta(self, name: str) -> str | None:
        """Return one of the namespace's own values. Raises StoreAway."""
        ...

    def check(self) -> None:
        """Raise StoreAway where the namespace can't be read, or is of another schema version."""
        ...

    def cached(self, key: Any, make: Callable[[], T]) -> T:
        """Return what `make` returned for this key since the last write."""
        ...

    def version(self) -> tuple[int, int] | None:
        """Return which store it is and a number that every write changes; None where that would take a query.

        For one thread, which may ask as often as it likes: it never waits.
        """
        ...

    def close(self) -> None:
        """Release what is open; the next read opens it again."""
        ...


class ReadOnlyStore:
    """Rows of one namespace of a SQLite store. Never writes, never blocks the writer; any thread may call it.

    The file may come later, go, or be replaced: each read looks again.
    """

    def __init__(self, url: str, namespace: str = LIVE, cache_ttl: float = 300.0) -> None:
        """Read `sqlite:///path`. Answers are cached until anything is written, and for at most `cache_ttl` seconds.

        Raises ValueError for another URL. Doesn't touch the file.
        """
        self.path, self.namespace = sqlite_path(url), check_namespace(namespace)
        self.name, self.folder = str(self.path), self.path.absolute().parent
        self._connection: sqlite3.Connection | None = None
        self._glancing: sqlite3.Connection | None = None  # never busy with another thread's query
        self._inode = self._glanced = -1
        self._stores = 0  # how many files stood there, as far as glances tell; a new one may have the inode of the last
        self._cache = Cache(cache_ttl)
        self._lock = threading.RLock()

    def table(self, name: str) -> str:
        """Return what a table of the schema is called here, quoted."""
        return f'"{stored_name(name, self.namespace)}"'

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """Read rows. Raises StoreAway."""
        with self._lock:
            try:
                cursor = self._open().execute(sql, parameters)
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row)) for row in cursor]
            except sqlite3.Error as error:
                self.close()
                raise StoreAway(self._advice(error)) from error

    def meta(self, name: str) -> str | None:
        """Return one of the namespace's own values. Raises StoreAway."""
        found = self.rows("SELECT value FROM meta WHERE namespace = ? AND name = ?", (self.namespace, name))
        return str(found[0]["value"]) if found else None

    def check(self) -> None:
        """Raise StoreAway where the namespace can't be read, or is of another schema version."""
        check_version(str(self.path), self.namespace, self.meta("schema_version"), "undertone run or undertone demo")

    def cached(self, key: Any, make: Callable[[], T]) -> T:
        """Return what `make` returned for this key since the last write; at most `cache_ttl` seconds old."""
        with self._lock:
            return self._cache.get(key, self._data_version(), make)

    def version(self) -> tuple[int, int] | None:
        """Return how many files there have been, and what every commit changes; None while there is none to read."""
        try:
            inode = os.stat(self.path).st_ino
            if self._glancing is None or inode != self._glanced:
                self._stop_glancing()
                self._glancing, self._glanced, self._stores = self._connect(timeout=0.0), inode, self._stores + 1
            return self._stores, int(self._glancing.execute("PRAGMA data_version").fetchone()[0])
        except (OSError, sqlite3.Error):
            self._stop_glancing()
            return None

    def _stop_glancing(self) -> None:
        if self._glancing is not None:
            self._glancing.close()
        self._glancing = None

    def _data_version(self) -> int:
        """Return a number that changes with every commit of another connection."""
        return int(self.rows("PRAGMA data_version")[0]["data_version"])

    def _open(self) -> sqlite3.Connection:
        try:
            inode = os.stat(self.path).st_ino
        except OSError as error:
            self.close()
            raise StoreAway(
                f"store {self.path} doesn't exist yet; start the dataflow (undertone run or undertone demo) with it"
            ) from error
        if self._connection is None or inode != self._inode:
            self.close()
            self._connection, self._inode = self._connect(timeout=2.0), inode
        return self._connection

    def _connect(self, timeout: float) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False)

    def _advice(self, error: sqlite3.Error) -> str:
        if "no such table" in str(error):
            return (
                f"store {self.path} has no tables in namespace {self.namespace!r} yet; start the dataflow "
                "(undertone run or undertone demo) with this store and namespace"
            )
        return f"store {self.path} can't be read: {error}; check the file and its folder"

    def close(self) -> None:
        """Release the file; the next read opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            self._cache.clear()
