"""The catalogue: what a feature is, how one is declared, and the order of the columns.

A family module declares groups with `register(Group(...))`; importing `features.families` fills the catalogue.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.tables import Slots


class Family(StrEnum):
    """What a column measures."""

    TECHNICAL = "technical"
    MICROSTRUCTURE = "microstructure"
    STATISTICAL = "statistical"
    SPECTRAL = "spectral"
    CROSS_ASSET = "cross_asset"
    REGIME = "regime"
    CALENDAR = "calendar"
    SENTIMENT = "sentiment"


class Driver(StrEnum):
    """What advances a column's state, and the unit of its warm-up."""

    BAR = "bar"
    TRADE = "trade"
    QUOTE = "quote"
    SECOND = "second"
    SESSION = "session"
    ITEM = "item"  # a scored news or social item


class Stage(StrEnum):
    """When a group's kernel runs."""

    TICKS = "ticks"  # over ordered ticks, read at each close: update(params, state, ticks, closes, out, why)
    BARS = "bars"  # over closed bars: update(params, state, bars, history, out, why)
    ITEMS = "items"  # over scored items and closed bars: update(params, state, items, bars, out, why)
    CROSS = "cross"  # over the rows of each bar time: update(params, state, bars, groups, out, why)


@dataclass(frozen=True, slots=True)
class Column:
    """One catalogue row. Every text is for a reader of `docs/features.md`; none may be empty."""

    name: str
    formula: str
    source: str  # paper, book or library whose definition it follows
    inputs: tuple[str, ...]
    driver: Driver
    window: int  # inputs of the driver it looks back on; 0 for an infinite (recursive) memory
    warm_up: int  # inputs of the driver until the first valid value, which comes with the warm_up-th
    unit: str
    range: tuple[float, float]
    oracle: str  # what the tests compare it with: "naive", "talib.RSI", "scipy.stats.skew", "numpy.fft" …
    degree_price: int = 0  # value scales with price ** degree_price
    degree_size: int = 0
    params: dict[str, float] = field(default_factory=dict)
    edges: str = "none"
    sessions: str = "spans"  # spans, resets, or is masked at a session's start
    actions: str = "rescaled"  # what a split or dividend of the symbol does to it
    ties: str = "none"  # where it branches on equality


@dataclass(frozen=True, slots=True)
class Group:
    """Columns that share one state and one kernel.

    `init(n_symbols, n_timeframes)` returns a NamedTuple of fresh arrays. Per-series arrays have
    n_symbols * n_timeframes rows, per-symbol arrays n_symbols, symbols always first, so that a larger state is a
    fresh one with the old copied into its corner.

    `update` is a numba function at module level (`@njit(cache=True)`), called once a batch, however many rows
    there are. It writes every cell of `out` (n, len(columns)) float64 and `why` (n, len(columns)) uint8, NaN
    exactly where `why & UNDEFINED_MASK`. It never lets NaN into its state. Same inputs in other batches: same bits.

    `tables` names the large arrays of the state of which a batch of bars changes few slots (`features.tables`).
    """

    name: str
    family: Family
    stage: Stage
    columns: tuple[Column, ...]
    params: Any  # NamedTuple of numbers
    init: Callable[[int, int], Any]
    update: Callable[..., None]
    version: int = 1  # raise it with any change of bits
    tables: Mapping[str, Slots] = field(default_factory=dict)  # of a group of Stage.BARS


class NoState(NamedTuple):
    """The state of a group that keeps none."""

    unused: NDArray[np.uint8]


def no_state(n_symbols: int, n_timeframes: int) -> NoState:
    """Return the state of a group that keeps none."""
    return NoState(np.zeros(n_symbols * n_timeframes, np.uint8))


_REGISTERED: dict[str, Group] = {}


def register(group: Group) -> Group:
    """Add a group to the catalogue.

    Raises ValueError where a name is taken or a row is not filled in.
    """
    taken = {column.name for other in _REGISTERED.values() for column in other.columns}
    names = [column.name for column in group.columns]
    if group.name in _REGISTERED or taken & set(names) or len(set(names)) < len(names):
        raise ValueError(f"feature group {group.name!r}: a name of {names} is registered already; choose another")
    for column in group.columns:
        blank = [f.name for f in fields(Column) if getattr(column, f.name) in ("", ())]
        if blank or column.warm_up < 0:
            raise ValueError(f"feature {column.name!r}: fill in {blank or 'warm_up >= 0'}")
    _REGISTERED[group.name] = group
    return group


def registered(families: Iterable[str] | None = None) -> tuple[Group, ...]:
    """Return the groups of the given families (all if None) in the order of the columns: stage, family, name."""
    wanted = set(Family) if families is None else {Family(name) for name in families}
    stages, order = list(Stage), list(Family)
    chosen = [group for group in _REGISTERED.values() if group.family in wanted]
    return tuple(sorted(chosen, key=lambda g: (stages.index(g.stage), order.index(g.family), g.name)))


def column_fingerprint(group: Group, column: Column) -> str:
    """Return 16 hex digits that change with the column's formula, parameters or kernel version."""
    shared = tuple(group.params) if isinstance(group.params, tuple) else group.params
    words = repr((column.name, column.formula, sorted(column.params.items()), shared, group.version))
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def fingerprint(groups: Iterable[Group]) -> str:
    """Return 16 hex digits over all columns in order: two runs with the same one speak of the same numbers."""
    parts = [f"{c.name}={column_fingerprint(g, c)}" for g in groups for c in g.columns]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def documentation(group: Group) -> str:
    """Return the docstring of the module that declares the group's kernel."""
    module = inspect.getmodule(group.update)
    return inspect.getdoc(module) or "" if module else ""
