"""What a run stored, read without taking its writer's place."""

from __future__ import annotations

import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from schema.events import Decision, DecisionKind
from schema.questdb import questdb_address
from schema.stores import check_namespace, sqlite_path, stored_name
from schema.tables import TABLES

if TYPE_CHECKING:
    from dataflows.sinks.questdb.reading import Reading


class Place(ABC):
    """A namespace of a store. `name` says which store, as a person calls it."""

    name: str
    namespace: str

    @staticmethod
    def parse(url: str, namespace: str = "replay") -> Place:
        """Read `sqlite:///path` or `questdb://host:port`, with `#namespace` behind it where it isn't the given one.

        Raises ValueError where it names no store or no namespace.
        """
        address, _, named = url.partition("#")
        kind = QuestDbPlace if address.startswith("questdb:") else SqlitePlace
        return kind(address, check_namespace(named or namespace))

    @abstractmethod
    def columns(self, table: str) -> list[str]:
        """Return the table's columns. Raises ValueError where there is no such table."""

    @abstractmethod
    def metas(self) -> dict[str, str]:
        """Return the namespace's own values by name."""

    def meta(self, name: str) -> str | None:
        """Return one of the namespace's own values, None where it has none."""
        return self.metas().get(name)

    @abstractmethod
    def select(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """Yield rows of a query; tables go by the names that `stored_name` gives."""

    def rows(
        self, table: str, columns: list[str], order: Sequence[str] = (), where: str = "1 = 1"
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the table's rows in the given order; without one in that of time, timeframe, symbol."""
        chosen = ", ".join(f'"{column}"' for column in columns)
        names = order or ("time", "timeframe", "symbol", *TABLES[table].key)
        ordered = ", ".join(f'"{name}"' for name in dict.fromkeys(names) if name in TABLES[table].columns)
        sql = f'SELECT {chosen} FROM "{self._name(table)}" WHERE {where} ORDER BY {ordered}'
        return (tuple(row.values()) for row in self.select(sql))

    def decisions(self) -> list[Decision]:
        """Return the recorded decisions in order of time."""
        columns = list(TABLES["decisions"].columns)
        rows = [dict(zip(columns, row, strict=True)) for row in self.rows("decisions", columns)]
        return decisions_of(rows)

    def newest(self, table: str, n: int, **equal: Any) -> list[dict[str, Any]]:
        """Return the newest n rows in which the given columns have the given values, newest first."""
        where = " AND ".join(f'"{column}" = ?' for column in equal) or "1 = 1"
        sql = f'SELECT * FROM "{self._name(table)}" WHERE {where} ORDER BY time DESC LIMIT ?'
        self.columns(table)
        return list(self.select(sql, (*equal.values(), n)))

    def newest_sequence(self) -> int | None:
        """Return the output sequence of the newest prediction, None where there is none."""
        try:
            self.columns("predictions")
        except NoTable:
            return None
        (row,) = self.select(f'SELECT max(sequence) AS newest FROM "{self._name("predictions")}"')
        return None if row["newest"] is None else int(row["newest"])

    def _metas(self, is_there: str) -> dict[str, str]:
        """Read the table `meta`; `is_there` is a query that gives a row where the store has one."""
        if not list(self.select(is_there)):
            return {}
        rows = self.select('SELECT "name", "value" FROM meta WHERE "namespace" = ?', (self.namespace,))
        return {str(row["name"]): str(row["value"]) for row in rows}

    def _name(self, table: str) -> str:
        return stored_name(table, self.namespace)


class NoTable(ValueError):
    """The store has no such table in this namespace."""


class SqlitePlace(Place):
    """A namespace of a SQLite file."""

    def __init__(self, url: str, namespace: str) -> None:
        """Look at the file when something is read."""
        self.path, self.namespace = sqlite_path(url), namespace
        self.name = str(self.path)

    def columns(self, table: str) -> list[str]:
        """Return the table's columns."""
        found = [row["name"] for row in self.select(f'PRAGMA table_info("{self._name(table)}")')]
        if not found:
            raise NoTable(
                f"store {self.path}: namespace {self.namespace!r} has no table {table}; "
                "name another as sqlite:///path#namespace"
            )
        return found

    def metas(self) -> dict[str, str]:
        """Return the namespace's own values by name."""
        return self._metas("SELECT name FROM sqlite_master WHERE name = 'meta'")

    def select(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """Yield rows of a query."""
        with closing(self._open()) as connection:
            cursor = connection.execute(sql, parameters)
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield dict(zip(names, row))

    def _open(self) -> sqlite3.Connection:
        if not self.path.is_file():
            raise ValueError(f"store {self.path}: there is no such file")
        # rows that nobody reads to their end are let go of in whichever thread collects them
        return sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, check_same_thread=False)


class QuestDbPlace(Place):
    """A namespace of a QuestDB."""

    def __init__(self, url: str, namespace: str) -> None:
        """Connect when something is read; StoreUnavailable is raised then where the server is away."""
        self._address, self.namespace = questdb_address(url), namespace
        self.name = str(self._address)

    def columns(self, table: str) -> list[str]:
        """Return the table's columns."""
        sql = "SELECT column_name AS name FROM information_schema.columns() WHERE table_name = ?"
        found = [row["name"] for row in self.select(sql, (self._name(table),))]
        if not found:
            raise NoTable(
                f"store {self.name}: namespace {self.namespace!r} has no table {table}; "
                "name another as questdb://host:port#namespace"
            )
        return found

    def metas(self) -> dict[str, str]:
        """Return the namespace's own values by name."""
        return self._metas("SELECT table_name FROM tables() WHERE table_name = 'meta'")

    def select(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """Yield rows of a query."""
        return self._reading().rows(sql, parameters)

    def _reading(self) -> Reading:
        from dataflows.sinks.questdb.reading import Reading

        return Reading(self._address, self.namespace)


def open_place(url: str, namespace: str) -> Place:
    """Open what a run stored, by the URL it was written with. Raises ValueError where there is nothing to read."""
    return Place.parse(url, namespace)


def decisions_of(rows: Iterable[Mapping[str, Any]]) -> list[Decision]:
    """Read rows of the table `decisions`."""
    return [
        Decision(row["time"], DecisionKind(row["kind"]), row["subject"], row["timeframe"], json.loads(row["details"]))
        for row in sorted(rows, key=lambda row: row["time"])
    ]
