"""What the chaos runs against: where ticks come from and where rows go. A new one is one class and one entry."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from schema.tables import TABLES

CLOCKS = {"received", "closed", "features_ready", "inference_started", "inference_done", "enqueued"}
SETTINGS = """
[bars]
timeframes = ["1s", "10s"]
[features]
families = ["calendar", "statistical"]
[store]
ticks = true
features_from_s = 0
[metrics]
port = 0
[log]
level = "warning"
"""


class Rig(Protocol):
    """A source, a store and a bus."""

    name: str

    def prepare(self, folder: Path) -> None:
        """Make a fresh place for one dataflow."""
        ...

    def arguments(self, folder: Path) -> list[str]:
        """Return what `undertone run` is started with; it ends by itself where the input ends."""
        ...

    def rows(self, folder: Path, table: str) -> list[tuple[Any, ...]]:
        """Return a table's rows in order of the key, without wall clocks; a row that stands there twice comes twice."""
        ...

    def columns(self, folder: Path, table: str) -> list[str]:
        """Return the columns of `rows`."""
        ...


@dataclass(frozen=True, slots=True)
class FilesSqlite:
    """A Parquet file in, SQLite and the in-process bus out."""

    ticks: Path
    registry: Path
    name: str = "files, SQLite, in-process bus"

    def prepare(self, folder: Path) -> None:
        """Write the settings."""
        (folder / "var").mkdir(parents=True)
        registry = f'[registry]\nroot = "{self.registry}"\n'
        (folder / "undertone.toml").write_text(SETTINGS + registry)

    def arguments(self, folder: Path) -> list[str]:
        """Read the file to its end."""
        return ["run", "--source", str(self.ticks), "--engine", "bytewax", "--json"]

    def rows(self, folder: Path, table: str) -> list[tuple[Any, ...]]:
        """Read from the file."""
        chosen = ", ".join(f'"{column}"' for column in self.columns(folder, table))
        order = ", ".join(f'"{column}"' for column in TABLES[table].key)
        with _open(folder) as connection:
            return connection.execute(f"SELECT {chosen} FROM {table} ORDER BY {order}").fetchall()

    def columns(self, folder: Path, table: str) -> list[str]:
        """Read from the file."""
        with _open(folder) as connection:
            found = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        return [column for column in found if column not in CLOCKS]


def _open(folder: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(folder / "var" / "undertone.db"))


def dicts(rig: Rig, folder: Path, table: str) -> Iterator[dict[str, Any]]:
    """Yield a table's rows by column name."""
    columns = rig.columns(folder, table)
    return (dict(zip(columns, row)) for row in rig.rows(folder, table))
