"""TA-Lib beside our kernels: its streaming handles, and the same opened anew a row over the last window.

Its functions are those that tests/talib_table.py calls equal, each once: the fewest calls that give the columns.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
from talib import stream

from benchmarks.peer_bars import MEASURED, SEEN, Walks, ns_a_row, walks
from tests.talib_table import EQUAL, TABLE

HANDLED: Final = 200  # symbols whose handles are held: more would only miss the cache
REOPENED: Final = 4
FIELDS: Final = {"open", "high", "low", "close", "volume", "log_return"}

Call = tuple[str, tuple[str, ...], tuple[float, ...]]  # function, inputs, parameters


@cache
def calls() -> dict[str, Call]:
    """Return the one call that each column needs, where it is a single function of the bars."""
    found: dict[str, Call] = {}
    for row in TABLE.values():
        for column, text in row.comparisons.items():
            once = {_call(node) for node in ast.walk(ast.parse(text)) if _is_call(node)}
            known = once & set(found.values())
            if row.verdict == EQUAL and len(once) == 1 and None not in once and (column not in found or known):
                (found[column],) = once
    return {column: call for column, call in found.items() if call}


def handles() -> float:
    """Return ns a row of handles that live on and get each bar: `handle.update(close)`."""
    return _measure(HANDLED, MEASURED, _updates)


def windows() -> float:
    """Return ns a row of handles opened anew over the last window of each bar."""
    return _measure(REOPENED, 5, _openings)


def _measure(symbols: int, bars: int, steps: Callable[[Walks, list[Call]], Callable[[int], None]]) -> float:
    walk = walks()
    few = Walks(*(np.asfortranarray(array[:, :symbols]) for array in walk))
    return ns_a_row(steps(few, sorted(set(calls().values()))), range(SEEN, SEEN + bars), symbols)


def _updates(walk: Walks, wanted: list[Call]) -> Callable[[int], None]:
    """Return a step: every symbol's handles get their inputs, grouped so that inputs are read once."""
    inputs = list(dict.fromkeys(read for _, read, _ in wanted))
    bound = [
        [[_open(walk, call, s, slice(0, SEEN)).update for call in wanted if call[1] == read] for read in inputs]
        for s in range(walk.close.shape[1])
    ]
    floats = [[_input(walk, name).tolist() for name in read] for read in inputs]

    def step(at: int) -> None:
        for s, of_symbol in enumerate(bound):
            for read, updates in zip(floats, of_symbol):
                if len(read) == 1:
                    (value,) = (column[at][s] for column in read)
                    for update in updates:
                        update(value)
                else:
                    values = [column[at][s] for column in read]
                    for update in updates:
                        update(*values)

    return step


def _openings(walk: Walks, wanted: list[Call]) -> Callable[[int], None]:
    def step(at: int) -> None:
        for s in range(walk.close.shape[1]):
            for call in wanted:
                _open(walk, call, s, slice(at - SEEN + 1, at + 1)).value  # noqa: B018

    return step


def _open(walk: Walks, call: Call, symbol: int, rows: slice) -> object:
    function, read, parameters = call
    return getattr(stream, function)(*(_input(walk, name)[rows, symbol] for name in read), *parameters)


def _input(walk: Walks, name: str) -> np.ndarray:
    array: np.ndarray = getattr(walk, {"log_return": "returns", "log(close)": "log"}.get(name, name))
    return array


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.isupper()


def _call(node: ast.AST) -> Call | None:
    """Return a call of fields and numbers; None where it is fed with something else."""
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    read = tuple(ast.unparse(a) for a in node.args if not isinstance(a, ast.Constant))
    numbers = tuple(a.value for a in node.args if isinstance(a, ast.Constant))
    return (node.func.id, read, numbers) if set(read) <= FIELDS | {"log(close)"} else None
