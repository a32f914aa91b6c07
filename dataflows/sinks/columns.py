"""Rows on their way to a store: checked and copied when handed over, turned into tuples when written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, Final

import numpy as np

from schema.tables import Table

VALUES: Final = "values"  # a wide table's features as one matrix (n, F)

Columns = Mapping[str, Sequence[Any] | np.ndarray]


def adopt(table: Table, features: Sequence[str], columns: Columns) -> tuple[dict[str, Any], int]:
    """Check columns of a table and copy them, so that the caller may reuse its arrays. Return them and n.

    Floats become float64 arrays, NaN for undefined. A wide table takes its features as columns by name, or as one
    matrix (n, F) named `values` in the order of `features`.
    Raises ValueError where a column is unknown, a key column is missing, lengths differ or a number is infinite.
    """
    wide = {*features, VALUES} if table.wide else set()
    if unknown := columns.keys() - table.columns.keys() - wide:
        raise ValueError(f"table {table.name}: unknown columns {sorted(unknown)}; it has {list(table.columns)}")
    if missing := [name for name in table.key if name not in columns]:
        raise ValueError(f"table {table.name}: key columns {missing} are missing; give all of {list(table.key)}")
    lengths = {name: len(column) for name, column in columns.items()}
    n = lengths[table.key[0]]
    if set(lengths.values()) != {n}:
        raise ValueError(f"table {table.name}: columns differ in length: {lengths}")
    floats = [name for name in columns if name != VALUES and table.columns.get(name, "float") == "float"]
    own = dict(zip(floats, _finite_or_nan(table.name, floats, [columns[name] for name in floats])))
    for name in columns.keys() - own.keys() - {VALUES}:
        column = columns[name]
        own[name] = column.copy() if isinstance(column, np.ndarray) else list(column)
    if VALUES in columns:
        own[VALUES] = _matrix(table.name, features, columns[VALUES])
    return own, n


def _finite_or_nan(table: str, names: Sequence[str], columns: Sequence[Any] | np.ndarray) -> np.ndarray:
    own = np.array(columns, np.float64)
    if np.isinf(own).any():
        column, row = (int(place) for place in np.argwhere(np.isinf(own))[0])
        raise ValueError(
            f"table {table}, column {names[column]}, row {row}: infinity; expected a finite number, or NaN"
        )
    return own


def _matrix(table: str, features: Sequence[str], values: Any) -> np.ndarray:
    if np.shape(values)[1:] != (len(features),):
        raise ValueError(
            f"table {table}: {VALUES} has shape {np.shape(values)}, expected (n, {len(features)}), "
            "one column a feature that the store was opened with"
        )
    return _finite_or_nan(table, features, np.transpose(values)).T


def layout(table: Table, features: Sequence[str]) -> tuple[str, ...]:
    """Return the names of a table's columns in the order of `rows`."""
    return (*table.columns, *(features if table.wide else ()))


def rows(table: Table, features: Sequence[str], own: dict[str, Any], n: int) -> Iterable[tuple[Any, ...]]:
    """Yield adopted columns as tuples; what wasn't given is None, NaN is left to the driver (null)."""
    matrix = own.get(VALUES)
    names = table.columns if matrix is not None else layout(table, features)
    fixed = zip(*(_cells(own[name]) if name in own else repeat(None, n) for name in names))
    if matrix is None:
        return fixed
    return ((*head, *values) for head, values in zip(fixed, matrix.tolist()))


def _cells(column: Any) -> list[Any]:
    if not isinstance(column, np.ndarray):
        return list(column)
    cells: list[Any] = [row.tobytes() for row in column] if column.ndim == 2 else column.tolist()
    return cells
