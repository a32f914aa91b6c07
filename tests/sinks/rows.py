"""Rows of each table as a test writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from schema.tables import TABLES, Table

_START = 1_381_239_000_000_000_000  # 2013-10-08 13:30 UTC
_MAKE: dict[str, Callable[[int], Any]] = {
    "time": lambda k: _START + k * 1_000_000_001,
    "int": lambda k: k - 1,
    "float": lambda k: 60_000.01 + k / 3,
    "symbol": lambda k: "ABC"[k % 3],
    "text": lambda k: f'{{"quoted": "{k}\\n"}}',
    "bytes": lambda k: bytes([k % 256, 0, 255]),
}


def rows_of(table: Table, n: int, first: int = 0) -> dict[str, Any]:
    """Make n rows whose keys differ: numbers as arrays, texts as lists."""
    columns: dict[str, Any] = {}
    for name, kind in table.columns.items():
        cells = [_MAKE[kind](first + k) for k in range(n)]
        columns[name] = np.array(cells) if kind in ("time", "int", "float") else cells
    return columns


def bars_of(n: int, first: int = 0) -> dict[str, Any]:
    """Make n bars."""
    return rows_of(TABLES["bars"], n, first)
