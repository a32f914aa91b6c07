"""How often each column is undefined, and why: counted over the rows of a replay, a timeframe apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dataflows.inspection.validity_reasons import explanation
from features.catalogue import Column, Group
from schema.bars import BarFlag, Bars
from schema.features import FeatureRows
from schema.reasons import UNDEFINED_MASK, Why
from schema.ticks import Int64

REASONS: Final = tuple(reason for reason in Why if reason)  # in the order of their bits
UNSAID: Final = "no reason given"


@dataclass(frozen=True, slots=True)
class Validity:
    """What became of every cell of one timeframe. F columns, R reasons."""

    timeframe: str
    columns: tuple[tuple[Group, Column], ...]
    rows: int  # bars
    empty: int  # bars without a trade
    undefined: Int64  # (F,) rows where it is NaN
    by_reason: Int64  # (R, F) rows that carry the reason; a cell may carry two
    in_empty: Int64  # (R, F) of those, in bars without a trade
    unsaid: Int64  # (F,) rows where value and validity bits disagree: NaN without a reason, or a number with one

    @property
    def never_valid(self) -> tuple[str, ...]:
        """Columns that were undefined in every row."""
        names = (column.name for _, column in self.columns)
        return tuple(name for name, n in zip(names, self.undefined) if n == self.rows > 0)

    @property
    def unexplained(self) -> tuple[tuple[str, str], ...]:
        """Columns and reasons met that no sentence of `validity_reasons` explains, and silent NaNs."""
        found = [(self.columns[at][1].name, UNSAID) for at in np.flatnonzero(self.unsaid).tolist()]
        for reason, met in zip(REASONS, self.by_reason):
            for at in np.flatnonzero(met).tolist():
                if explanation(*self.columns[at], reason) is None:
                    found.append((self.columns[at][1].name, words(reason)))
        return tuple(found)


def words(reason: Why) -> str:
    """Return a reason as people write it: `no trades`."""
    return (reason.name or "").lower().replace("_", " ")


def count_validity(
    history: Iterable[tuple[Bars, FeatureRows]],
    groups: Sequence[Group],
    timeframes: Sequence[str],
    on_rows: Callable[[int], None] = lambda rows: None,
) -> list[Validity]:
    """Count over feature rows of `groups`' columns, and return one count a timeframe, in their order."""
    columns = tuple((group, column) for group in groups for column in group.columns)
    counts = [_fresh(name, columns) for name in timeframes]
    seen = 0
    for bars, rows in history:
        for at in np.unique(bars.timeframe).tolist():
            chosen = bars.timeframe == at
            empty = (bars.flags[chosen] & BarFlag.EMPTY) != 0
            counts[at] = _with(counts[at], rows.values[chosen], rows.why[chosen], empty)
        seen += len(bars.time)
        on_rows(seen)
    return counts


def _fresh(timeframe: str, columns: tuple[tuple[Group, Column], ...]) -> Validity:
    F = len(columns)
    none, no_reason = np.zeros(F, np.int64), np.zeros((len(REASONS), F), np.int64)
    return Validity(timeframe, columns, 0, 0, none, no_reason, no_reason, none)


def _with(count: Validity, values: np.ndarray, why: np.ndarray, empty: np.ndarray) -> Validity:
    """Return the count with more rows (n, F), of which `empty` (n,) saw no trade."""
    missing = np.isnan(values)
    return Validity(
        count.timeframe,
        count.columns,
        count.rows + len(why),
        count.empty + int(empty.sum()),
        count.undefined + missing.sum(axis=0),
        count.by_reason + _carrying(why),
        count.in_empty + _carrying(why[empty]),
        count.unsaid + (missing != ((why & UNDEFINED_MASK) != 0)).sum(axis=0),
    )


def _carrying(why: np.ndarray) -> np.ndarray:
    """Return how many rows (R, F) carry each reason."""
    return np.stack([np.count_nonzero(why & np.uint8(reason), axis=0) for reason in REASONS])
