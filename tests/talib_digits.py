"""How many digits of a column and TA-Lib agree: measured on a seeded walk of 1,000 bars.

Prices are whole ticks, so that equal prices have equal differences: where TA-Lib branches on them, the
rounding of decimals would decide for it (our kernels take less than 1e-12 of the price for none).
Digits are -log10(largest difference / largest size of the column), over the rows where both are defined.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, Final

import numpy as np
import talib

from features import families
from features.catalogue import registered
from tests.laws.runs import run
from tests.markets import Scene, scene
from tests.talib_table import TABLE, Row

MARKET: Final = "benign"  # whose bars get other prices
MOVES, STEP = 12, 4  # of a bar
LEAST_ROWS: Final = 500
MARGIN: Final = 0.3  # of a digit: another processor rounds otherwise
HELPERS: Final = ("market_return",)  # columns that expressions read besides those compared


@cache
def columns() -> frozenset[str]:
    """Return the names of all columns of the catalogue."""
    families.load()
    return frozenset(column.name for group in registered() for column in group.columns)


def walking(market: Scene) -> Scene:
    """Return a market whose bars are walks of `MOVES` moves, each of up to `STEP` whole ticks, about 10,000."""
    rng, bars = np.random.default_rng(MOVES), market.bars
    fields = {field: np.empty(len(bars.time)) for field in ("open", "high", "low", "close")}
    for series in np.unique(bars.symbol * market.n_timeframes + bars.timeframe):
        own = np.flatnonzero(bars.symbol * market.n_timeframes + bars.timeframe == series)
        moves = rng.integers(-STEP, STEP + 1, (len(own), MOVES)).astype(float)
        prices = 10_000 + np.cumsum(moves).reshape(moves.shape)
        for field, some in zip(fields, (prices[:, 0], prices.max(axis=1), prices.min(axis=1), prices[:, -1])):
            fields[field][own] = some
    middle = (fields["high"] + fields["low"]) / 2
    return replace(market, bars=bars._replace(**fields, notional=bars.volume * middle))


@cache
def series() -> dict[str, np.ndarray]:
    """Return the first symbol's bars, and the columns that are compared."""
    wanted = {name for row in TABLE.values() for name, text in row.comparisons.items() if text} | set(HELPERS)
    groups = [group for group in registered() if wanted & {column.name for column in group.columns}]
    market = walking(scene(MARKET))
    values, bars = run(groups, market).values, market.market().bars
    own = bars.series == 0
    names = [column.name for group in groups for column in group.columns]
    fields = {field: np.ascontiguousarray(column[own]) for field, column in zip(bars._fields, bars)}
    return fields | {name: values[own, at] for at, name in enumerate(names)}


def before(values: np.ndarray, lag: int) -> np.ndarray:
    """Return the values `lag` rows before, NaN at first."""
    return np.concatenate([np.full(lag, np.nan), values[:-lag]])


def path(returns: np.ndarray) -> np.ndarray:
    """Return the price that makes these returns, from 1 on; none counts as 0."""
    return np.cumprod(1 + np.nan_to_num(returns))


@cache
def names() -> dict[str, Any]:
    """Return what expressions know."""
    functions = {name: getattr(talib, name) for name in talib.get_functions()}
    numpy = {name: getattr(np, name) for name in ("sqrt", "log", "log10", "tan", "sign", "pi")}
    row = np.arange(len(series()["close"]))
    return {**functions, **numpy, **series(), "row": row, "before": before, "path": path, "__builtins__": {}}


def theirs(expression: str) -> np.ndarray:
    """Evaluate TA-Lib's side of a comparison."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = eval(expression, names())  # our own table's text
    return found


def digits(row: Row) -> int:
    """Return how many digits agree, of the column that agrees least; at most 15."""
    return min(_digits(series()[column], theirs(text)) for column, text in row.comparisons.items() if text)


def marks(row: Row) -> tuple[int, int]:
    """Return how many bars TA-Lib marks as the pattern, and at how many of them our strength has the same sign."""
    ((column, text),) = row.comparisons.items()
    marked = np.sign(theirs(text))
    return int((marked != 0).sum()), int(((marked != 0) & (np.sign(series()[column]) == marked)).sum())


def _digits(ours: np.ndarray, other: np.ndarray) -> int:
    both = np.isfinite(ours) & np.isfinite(other)
    assert both.sum() > LEAST_ROWS, f"{both.sum()} rows to compare, expected more than {LEAST_ROWS}"
    apart, size = np.abs(ours - other)[both].max(), np.abs(ours[both]).max()
    return int(np.clip(-np.log10(max(apart / size, 1e-15)) - MARGIN, 0, 15))
