"""What is stored of one series, where a request may leave its timeframe out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from api.parameters import missing
from api.reader import Reader

T = TypeVar("T")


def found_in_series(
    reader: Reader, table: str, symbol: str, timeframe: str | None, read: Callable[[str], T | None]
) -> tuple[str, T]:
    """Return a timeframe, the first one in which `table` holds the symbol where none is asked for, and what is in it.

    `read` returns what the series of a timeframe holds. Raises the 404 of a series that holds nothing.
    """
    chosen = timeframe or next((other for name, other in reader.series(table) if name == symbol), None)
    found = read(chosen) if chosen else None
    if chosen is None or not found:
        raise missing(_ROWS_OF.get(table, table), symbol, timeframe)
    return chosen, found


_ROWS_OF = {"features": "feature rows"}  # what a person calls a table's rows, where it isn't the table's name
