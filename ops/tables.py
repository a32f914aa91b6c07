"""Answers of commands on stdout: one JSON object, or tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def print_json(answer: Mapping[str, Any]) -> None:
    """Print one object on one line; NaN and infinity are an error."""
    print(json.dumps(answer, default=str, allow_nan=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table; without a terminal one line a row, never wrapped."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else 1000, markup=False, highlight=False).print(table)
