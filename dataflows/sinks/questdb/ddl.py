"""QuestDB's DDL, made from `schema.tables`, and how tables of an earlier catalogue are brought up to date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dataflows.sinks.columns import layout
from dataflows.sinks.errors import StoreMismatch
from dataflows.sinks.questdb.reading import Reading
from schema.questdb import META
from schema.stores import stored_name
from schema.tables import SCHEMA_VERSION, TABLES, Table

META_TABLE: Final = Table(
    META, {"time": "time", "namespace": "symbol", "name": "symbol", "value": "text"}, ("time", "namespace", "name"),
    "year",
)  # fmt: skip

# ILP has no message for BINARY, and a text of another encoding can't hold every byte: bytes are base64 there.
_TYPES: Final = {
    "time": "TIMESTAMP_NS", "int": "LONG", "symbol": "SYMBOL", "text": "VARCHAR", "float": "DOUBLE", "bytes": "VARCHAR",
}  # fmt: skip
_SHORTEST: Final = {"day": 1, "month": 28, "year": 365}  # days of the shortest partition


def create(table: Table, name: str, features: Sequence[str]) -> str:
    """Return the statement that makes a table where it is missing."""
    types = {**table.columns, **dict.fromkeys(features if table.wide else (), "float")}
    columns = ", ".join(f'"{column}" {_TYPES[kind]}' for column, kind in types.items())
    designated = next(iter(table.columns))
    key = ", ".join(f'"{column}"' for column in table.key)
    return (
        f'CREATE TABLE IF NOT EXISTS "{name}" ({columns}) TIMESTAMP("{designated}") '
        f"PARTITION BY {table.partition.upper()} WAL DEDUP UPSERT KEYS ({key})"
    )


def prepare(reading: Reading, features: Sequence[str], retention_days: Mapping[str, int]) -> None:
    """Make the namespace's tables, or bring them up to date: columns may be added, never changed or removed.

    Raises StoreMismatch where another schema version wrote them, StoreUnavailable where the server is away.
    """
    named = {stored_name(table.name, reading.namespace): table for table in TABLES.values()}
    reading.execute(create(META_TABLE, META, ()), *(create(table, name, features) for name, table in named.items()))
    _check_version(reading)
    kept = {row["name"] for row in reading.rows("SELECT table_name name FROM tables() WHERE ttlValue = 0")}
    columns = _columns(reading)
    statements = []
    for name, table in named.items():
        statements += _missing_columns(table, name, features, columns[name])
        days = retention_days.get(table.name, 0)
        if days or name not in kept:
            statements.append(f'ALTER TABLE "{name}" SET TTL {_time_to_live(table, days)}')
    values = f"0, '{reading.namespace}', 'schema_version', '{SCHEMA_VERSION}'"
    statements.append(f'INSERT INTO "{META}" ("time", "namespace", "name", "value") VALUES ({values})')
    reading.execute(*statements)


def _check_version(reading: Reading) -> None:
    found = reading.meta("schema_version")
    if found is not None and found != str(SCHEMA_VERSION):
        raise StoreMismatch(
            f"store {reading.address}: namespace {reading.namespace!r} has schema version {found}, this program writes "
            f"{SCHEMA_VERSION}; use the version that made it, or another namespace or store and replay into it"
        )


def _columns(reading: Reading) -> dict[str, set[str]]:
    """Return the columns of every table."""
    found: dict[str, set[str]] = {}
    for row in reading.rows("SELECT table_name, column_name FROM information_schema.columns()"):
        found.setdefault(row["table_name"], set()).add(row["column_name"])
    return found


def _missing_columns(table: Table, name: str, features: Sequence[str], there: set[str]) -> list[str]:
    """Return a statement for each column: WAL tables take no more in one."""
    kinds = {column: _TYPES[table.columns.get(column, "float")] for column in layout(table, features)}
    return [f'ALTER TABLE "{name}" ADD COLUMN "{c}" {kind}' for c, kind in kinds.items() if c not in there]


def _time_to_live(table: Table, days: int) -> str:
    """Return a TTL of whole partitions, never sooner than asked; the server takes 0 back for days only."""
    partitions = -(-days // _SHORTEST[table.partition])
    return f"{partitions} {table.partition.upper()}S" if days or table.partition == "day" else "100 YEARS"
