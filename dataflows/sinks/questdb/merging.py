"""Parts of many batches as few: many small requests cost the server and us more than one large one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from dataflows.sinks.questdb.frames import Columns


class Part(NamedTuple):
    """n rows of a table."""

    table: str
    own: Columns
    n: int


def merged(parts: Iterable[Part]) -> list[Part]:
    """Join parts of a table that give the same columns, tables apart, each table's rows in their order."""
    runs: dict[str, list[list[Part]]] = {}
    for part in parts:
        of_table = runs.setdefault(part.table, [])
        if not of_table or of_table[-1][0].own.keys() != part.own.keys():
            of_table.append([])
        of_table[-1].append(part)
    return [_joined(run) for of_table in runs.values() for run in of_table]


def cut(part: Part, begin: int, end: int) -> Part:
    """Return the rows of a range."""
    own = {name: column[begin:end] for name, column in part.own.items()}
    return Part(part.table, own, min(end, part.n) - begin)


def _joined(run: list[Part]) -> Part:
    first = run[0]
    if len(run) == 1:
        return first
    own = {name: _column([part.own[name] for part in run]) for name in first.own}
    return Part(first.table, own, sum(part.n for part in run))


def _column(pieces: list[Any]) -> Any:
    if all(isinstance(piece, np.ndarray) for piece in pieces):
        return np.concatenate(pieces)
    return list(chain.from_iterable(_cells(piece) for piece in pieces))


def _cells(piece: Any) -> list[Any]:
    if not isinstance(piece, np.ndarray):
        return list(piece)
    return [row.tobytes() for row in piece] if piece.ndim == 2 else piece.tolist()
