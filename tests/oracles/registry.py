"""What a column is compared with: a naive formula or a known library, over a whole market at once.

An oracle gets the column's name and a market, and returns the expected value of every bar row (NaN where
undefined). `bound` is the absolute error that the formula's condition allows a row, beside 1e-9 relative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from features.inputs import BarInputs, Closes, TickInputs
from schema.items import Items


@dataclass(frozen=True)
class Market:
    """One test market: the bars of all series in stream order, the closes row for row with them, ticks and items."""

    bars: BarInputs
    ticks: TickInputs
    closes: Closes
    n_symbols: int
    n_timeframes: int
    items: Items
    leaders: tuple[int, ...]


Expected = Callable[[str, Market], np.ndarray]
Bound = Callable[[str, Market], np.ndarray | float]


@dataclass(frozen=True)
class Oracle:
    expected: Expected
    bound: Bound


ORACLES: dict[str, Oracle] = {}


def _no_bound(name: str, market: Market) -> float:
    return 0.0


def oracle(*names: str, bound: Bound = _no_bound) -> Callable[[Expected], Expected]:
    """Register a function as the oracle of the named columns."""

    def keep(expected: Expected) -> Expected:
        for name in names:
            if name in ORACLES:
                raise ValueError(f"column {name!r} has an oracle already")
            ORACLES[name] = Oracle(expected, bound)
        return expected

    return keep


def each_series(one: Callable[[str, dict[str, np.ndarray]], np.ndarray]) -> Expected:
    """Make an oracle of a function of one series: it gets the name and the BarInputs columns of that series."""

    def expected(name: str, market: Market) -> np.ndarray:
        result = np.full(len(market.bars.series), np.nan)
        for series in np.unique(market.bars.series):
            rows = np.flatnonzero(market.bars.series == series)
            result[rows] = one(name, {f: column[rows] for f, column in zip(market.bars._fields, market.bars)})
        return result

    return expected
