"""What a run stored, read without taking its writer's place."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schema.events import Decision, DecisionKind
from schema.stores import check_namespace, sqlite_path, stored_name
from schema.tables import TABLES


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace of a SQLite file."""

    path: Path
    namespace: str

    @staticmethod
    def parse(url: str, namespace: str = "replay") -> Place:
        """Read `sqlite:///path` or `sqlite:///path#namespace`.

        Raises ValueError where it names no file or no namespace.
        """
        address, _, named = url.partition("#")
        return Place(sqlite_path(address), check_namespace(named or namespace))

    def rows(
        self, table: str, columns: list[str], order: Sequence[str] = (), where: str = "TRUE"
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the table's rows in the given order; without one in that of time, timeframe, symbol."""
        chosen = ", ".join(f'"{column}"' for column in columns)
        names = order or ("time", "timeframe", "symbol", *TABLES[table].key)
        ordered = ", ".join(f'"{name}"' for name in names if name in TABLES[table].columns)
        with closing(self._open()) as connection:
            yield from connection.execute(
                f'SELECT {chosen} FROM "{self._name(table)}" WHERE {where} ORDER BY {ordered}'
            )

    def columns(self, table: str) -> list[str]:
        """Return the table's columns. Raises ValueError where there is no such table."""
        with closing(self._open()) as connection:
            found = [row[1] for row in connection.execute(f'PRAGMA table_info("{self._name(table)}")')]
        if not found:
            raise ValueError(
                f"store {self.path}: namespace {self.namespace!r} has no table {table}; "
                "name another as sqlite:///path#namespace"
            )
        return found

    def decisions(self) -> list[Decision]:
        """Return the recorded decisions in order of time."""
        columns = list(TABLES["decisions"].columns)
        rows = [dict(zip(columns, row, strict=True)) for row in self.rows("decisions", columns)]
        return decisions_of(rows)

    def meta(self, name: str) -> str | None:
        """Return one of the namespace's own values, None where it has none."""
        with closing(self._open()) as connection:
            tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'meta'").fetchone()
            sql = "SELECT value FROM meta WHERE namespace = ? AND name = ?"
            row = connection.execute(sql, (self.namespace, name)).fetchone() if tables[0] else None
        return None if row is None else str(row[0])

    def newest(self, table: str, n: int, **equal: Any) -> list[dict[str, Any]]:
        """Return the newest n rows in which the given columns have the given values, newest first."""
        where = " AND ".join(f'"{column}" = ?' for column in equal) or "TRUE"
        sql = f'SELECT * FROM "{self._name(table)}" WHERE {where} ORDER BY time DESC LIMIT ?'
        self.columns(table)
        with closing(self._open()) as connection:
            cursor = connection.execute(sql, (*equal.values(), n))
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row)) for row in cursor]

    def newest_sequence(self) -> int | None:
        """Return the output sequence of the newest prediction, None where there is none."""
        with closing(self._open()) as connection:
            if not connection.execute(f'PRAGMA table_info("{self._name("predictions")}")').fetchone():
                return None
            row = connection.execute(f'SELECT max(sequence) FROM "{self._name("predictions")}"').fetchone()
        return None if row[0] is None else int(row[0])

    def _name(self, table: str) -> str:
        return stored_name(table, self.namespace)

    def _open(self) -> sqlite3.Connection:
        if not self.path.is_file():
            raise ValueError(f"store {self.path}: there is no such file")
        return sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)


def open_place(url: str, namespace: str) -> Place:
    """Open what a run stored, by the URL it was written with. Raises ValueError where there is nothing to read."""
    return Place.parse(url, namespace)


def decisions_of(rows: Iterable[Mapping[str, Any]]) -> list[Decision]:
    """Read rows of the table `decisions`."""
    return [
        Decision(row["time"], DecisionKind(row["kind"]), row["subject"], row["timeframe"], json.loads(row["details"]))
        for row in sorted(rows, key=lambda row: row["time"])
    ]
