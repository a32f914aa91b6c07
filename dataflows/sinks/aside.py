"""Move a namespace's rows into another one, whole."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from dataflows.sinks.ddl import META, quoted
from dataflows.sinks.errors import StoreMismatch, explain
from dataflows.sinks.lock import WriterLock
from schema.stores import sqlite_path, stored_name
from schema.tables import TABLES


def move_rows_aside(url: str, namespace: str, into: str) -> str | None:
    """Give the namespace's tables the names of namespace `into`, which is new. Return it, None where there are no rows.

    Raises StoreUnavailable while a dataflow writes the namespace, StoreMismatch where the store can't be changed.
    """
    if url.startswith("sqlite:"):
        path = sqlite_path(url)
        return _in_sqlite(path, namespace, into) if path.is_file() else None
    if url.startswith("questdb:"):
        raise StoreMismatch(
            f"store {url.rsplit('@', 1)[-1]}: rows of a QuestDB are not moved; begin anew in another namespace with "
            "--set store.namespace=NAME, which leaves rows and checkpoints of this one as they are"
        )
    return None


def _in_sqlite(path: Path, namespace: str, into: str) -> str | None:
    lock = WriterLock(path, namespace)
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=10.0)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            moved = [table for table in TABLES if stored_name(table, namespace) in there]
            for table in moved:
                old, new = quoted(stored_name(table, namespace)), quoted(stored_name(table, into))
                connection.execute(f"ALTER TABLE {old} RENAME TO {new}")
            if META.name in there:
                connection.execute(f"UPDATE {META.name} SET namespace = ? WHERE namespace = ?", (into, namespace))
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise explain(error, str(path)) from error
    finally:
        lock.release()
    return into if moved else None
