"""What the chaos runs against: where ticks come from and where rows go. A new one is one class and one entry."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from dataflows.stored import Place
from schema.tables import TABLES
from tests.recovery.kill_points import EVERYWHERE, POINTS, QUESTDB, Points

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

    @property
    def name(self) -> str:
        """What the report calls it."""
        ...

    @property
    def points(self) -> Points:
        """Return the points that a life can be killed at."""
        ...

    @property
    def ticks(self) -> Path:
        """Return the input as a Parquet file, for the verifier."""
        ...

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
    points: Points = field(default_factory=lambda: POINTS)

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


@dataclass(frozen=True, slots=True)
class FilesQuestDb:
    """A Parquet file in, a real QuestDB and the in-process bus out; a dataflow's namespace is its folder's name."""

    ticks: Path
    registry: Path
    url: str
    name: str = "files, QuestDB, in-process bus"
    points: Points = field(default_factory=lambda: {**QUESTDB, **EVERYWHERE})

    def prepare(self, folder: Path) -> None:
        """Write the settings."""
        (folder / "var").mkdir(parents=True)
        place = f'[store]\nurl = "{self.url}"\nnamespace = "{_namespace(folder)}"\n'
        registry = f'[registry]\nroot = "{self.registry}"\n'
        (folder / "undertone.toml").write_text(SETTINGS.replace("[store]\n", place) + registry)

    def arguments(self, folder: Path) -> list[str]:
        """Read the file to its end."""
        return ["run", "--source", str(self.ticks), "--engine", "bytewax", "--json"]

    def rows(self, folder: Path, table: str) -> list[tuple[Any, ...]]:
        """Read over pgwire."""
        return list(self._place(folder).rows(table, self.columns(folder, table), order=TABLES[table].key))

    def columns(self, folder: Path, table: str) -> list[str]:
        """Read over pgwire."""
        return [column for column in self._place(folder).columns(table) if column not in CLOCKS]

    def _place(self, folder: Path) -> Place:
        return Place.parse(self.url, _namespace(folder))


def _namespace(folder: Path) -> str:
    return folder.name.replace("-", "_")


def _open(folder: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(folder / "var" / "undertone.db"))


def dicts(rig: Rig, folder: Path, table: str) -> Iterator[dict[str, Any]]:
    """Yield a table's rows by column name."""
    columns = rig.columns(folder, table)
    return (dict(zip(columns, row)) for row in rig.rows(folder, table))
