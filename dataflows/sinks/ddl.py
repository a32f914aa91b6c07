"""The embedded store's DDL and statements, made from `schema.tables`."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from dataflows.sinks.columns import layout
from dataflows.sinks.errors import StoreMismatch
from schema.stores import stored_name
from schema.tables import SCHEMA_VERSION, TABLES, Table

META: Final = Table("meta", {"namespace": "text", "name": "text", "value": "text"}, ("namespace", "name"))

_TYPES: Final = {
    "time": "INTEGER", "int": "INTEGER", "symbol": "TEXT", "text": "TEXT", "float": "REAL", "bytes": "BLOB",
}  # fmt: skip


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def clustered(table: Table) -> tuple[str, ...]:
    """Return the key in the order in which rows lie: a series' bars side by side, everything else by time."""
    first = [name for name in ("symbol", "timeframe") if {"symbol", "timeframe"} <= set(table.key)]
    return (*first, *(name for name in table.key if name not in first))


def create(table: Table, name: str, features: Sequence[str]) -> str:
    """Return the statement that makes the table where it is missing.

    Rows lie in the order of the key. Wide rows don't fit into an index page: they lie in order of arrival, with the
    key as an index.
    """
    types = {**table.columns, **dict.fromkeys(features if table.wide else (), "float")}
    columns = [f"{quoted(c)} {_TYPES[t]}{' NOT NULL' if c in table.key else ''}" for c, t in types.items()]
    key = ", ".join(quoted(c) for c in clustered(table))
    rule, rowid = ("UNIQUE", "") if table.wide else ("PRIMARY KEY", " WITHOUT ROWID")
    return f"CREATE TABLE IF NOT EXISTS {quoted(name)} ({', '.join(columns)}, {rule} ({key})){rowid}"


def upsert(table: Table, name: str, features: Sequence[str], n: int = 1) -> str:
    """Return the statement that writes n rows, each over one of the same key; its marks go row by row."""
    names = layout(table, features)
    marks = ", ".join([f"({', '.join('?' * len(names))})"] * n)
    return f"INSERT OR REPLACE INTO {quoted(name)} ({', '.join(map(quoted, names))}) VALUES {marks}"


def prepare(connection: sqlite3.Connection, namespace: str, features: Sequence[str], place: str) -> None:
    """Make the namespace's tables, or bring them up to date: columns may be added, never changed.

    Raises StoreMismatch where another schema version wrote them.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(create(META, META.name, ()))
        _check_version(connection, namespace, place)
        for table in TABLES.values():
            name = stored_name(table.name, namespace)
            connection.execute(create(table, name, features))
            _add_missing_columns(connection, table, name, features)
        connection.execute(upsert(META, META.name, ()), (namespace, "schema_version", str(SCHEMA_VERSION)))
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _check_version(connection: sqlite3.Connection, namespace: str, place: str) -> None:
    found = read_meta(connection, namespace, "schema_version")
    if found is not None and found != str(SCHEMA_VERSION):
        raise StoreMismatch(
            f"store {place}: namespace {namespace!r} has schema version {found}, this program writes "
            f"{SCHEMA_VERSION}; use the version that made it, or another namespace or store and replay into it"
        )


def _add_missing_columns(connection: sqlite3.Connection, table: Table, name: str, features: Sequence[str]) -> None:
    there = {row[1] for row in connection.execute(f"PRAGMA table_info({quoted(name)})")}
    for column in layout(table, features):
        if column not in there:
            kind = _TYPES[table.columns.get(column, "float")]
            connection.execute(f"ALTER TABLE {quoted(name)} ADD COLUMN {quoted(column)} {kind}")


def read_meta(connection: sqlite3.Connection, namespace: str, name: str) -> str | None:
    """Return one value of the table `meta`."""
    sql = "SELECT value FROM meta WHERE namespace = ? AND name = ?"
    row = connection.execute(sql, (namespace, name)).fetchone()
    return None if row is None else str(row[0])


def name_tables(connection: sqlite3.Connection, namespace: str) -> None:
    """Let queries of this connection call the namespace's tables by their own names."""
    for table in TABLES.values():
        stored = stored_name(table.name, namespace)
        if stored != table.name:
            connection.execute(f"CREATE TEMP VIEW {quoted(table.name)} AS SELECT * FROM main.{quoted(stored)}")
