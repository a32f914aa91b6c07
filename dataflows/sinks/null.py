"""A store that keeps nothing but counts: for measurements and dry runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from dataflows.sinks.columns import Columns
from dataflows.sinks.state import UP, SinkState


class NullStore:
    """`dataflows.interfaces.Store` that counts the rows of each table and acknowledges at once."""

    def __init__(self) -> None:
        """Start at zero."""
        self.rows: Counter[str] = Counter()
        self._meta: dict[str, str] = {}
        self._acknowledged = 0

    def append(self, table: str, columns: Columns, sequence: int) -> None:
        """Count the rows."""
        self.rows[table] += len(next(iter(columns.values())))

    def commit(self, sequence: int) -> None:
        """Acknowledge."""
        self._acknowledged = sequence

    def acknowledged(self) -> int:
        """Return the newest batch number committed."""
        return self._acknowledged

    def last_committed(self) -> int:
        """Return the newest batch number committed."""
        return self._acknowledged

    def sync(self) -> None:
        """Nothing waits."""

    def flush(self) -> None:
        """Nothing waits."""

    def state(self) -> SinkState:
        """Return that it is up: it fails at once or not at all."""
        return UP

    def put_meta(self, name: str, value: str) -> None:
        """Keep one value."""
        self._meta[name] = value

    def get_meta(self, name: str) -> str | None:
        """Return one value."""
        return self._meta.get(name)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """Return no rows."""
        return iter(())

    def close(self) -> None:
        """Nothing to release."""
