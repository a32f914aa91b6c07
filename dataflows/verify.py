"""Compare what two runs stored, row by row and bit by bit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, Final

from dataflows.stored import Place

COMPARED: Final = ("bars", "features", "predictions")
WALL_CLOCK: Final = frozenset(
    {"received", "closed", "features_ready", "inference_started", "inference_done", "enqueued"}
)


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where two stores differ; a side is None where it has no such row."""

    table: str
    symbol: str
    timeframe: str
    time: int  # ns UTC of the bar
    column: str
    first: Any
    second: Any

    def __str__(self) -> str:
        """Name symbol, bar time and column, and what each side has."""
        seconds, ns = divmod(self.time, 1_000_000_000)
        when = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ns:09d}Z"
        return (
            f"{self.table}: symbol {self.symbol}, timeframe {self.timeframe}, bar {when}, column {self.column}: "
            f"{self.first!r} and {self.second!r}"
        )


def first_difference(first: Place, second: Place) -> tuple[Difference | None, dict[str, int]]:
    """Return the first difference, None if there is none, and how many rows of each table are equal."""
    equal = {}
    for table in COMPARED:
        columns = _shared(table, first, second)
        key = [columns.index(name) for name in ("symbol", "timeframe", "time")]
        equal[table] = 0
        for a, b in zip_longest(first.rows(table, columns), second.rows(table, columns)):
            if a != b:
                return _located(table, columns, key, a, b), equal
            equal[table] += 1
    return None, equal


def _shared(table: str, first: Place, second: Place) -> list[str]:
    columns = first.columns(table)
    only = set(columns) ^ set(second.columns(table))
    if only:
        raise ValueError(
            f"table {table}: only one side has the columns {sorted(only)[:5]}; run both with one catalogue"
        )
    return [column for column in columns if column not in WALL_CLOCK]


def _located(
    table: str, columns: list[str], key: list[int], a: tuple[Any, ...] | None, b: tuple[Any, ...] | None
) -> Difference:
    """Say where two rows differ; where they are of other bars, the earlier bar is missing on one side."""
    place = [(row[key[2]], row[key[1]], row[key[0]]) if row else None for row in (a, b)]
    if a is None or b is None or place[0] != place[1]:
        (time, timeframe, symbol), missing = min((where, side) for side, where in enumerate(place) if where is not None)
        sides = ("there", None) if missing == 0 else (None, "there")
        return Difference(table, symbol, timeframe, time, "(row)", *sides)
    symbol, timeframe, time = (a[i] for i in key)
    at = next(i for i in range(len(columns)) if a[i] != b[i])
    return Difference(table, symbol, timeframe, time, columns[at], a[at], b[at])
