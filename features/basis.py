"""Splits and dividends: kernels see all prices of a symbol in one unit, so that no state notices.

A split of ratio r divides prices and multiplies sizes. Kernels are given prices times the product of all ratios so
far, the symbol's *basis*, and sizes divided by it; notional is what was paid either way. What they give is brought
back by each column's degrees. Since every column keeps its bits when prices or sizes are scaled by a power of two, it
is to the bit as if the earlier ones had been in the new units from the beginning; for other ratios, up to rounding.

Cost:   nothing until the first split; then a product a price and size, and a division a value with a degree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from features.catalogue import Column
from features.inputs import TickInputs
from schema.bars import Bars
from schema.ticks import Float64, Int64

PRICES: Final = ("open", "high", "low", "close", "bid", "ask", "mid")  # of Bars
SIZES: Final = ("volume", "bid_size", "ask_size")


def on_basis(bars: Bars) -> Bars:
    """Return the bars as kernels are given them; these themselves where nothing was split."""
    basis = bars.basis
    if (basis == 1.0).all():
        return bars
    prices = {name: getattr(bars, name) * basis for name in PRICES}
    return bars._replace(**prices, **{name: getattr(bars, name) / basis for name in SIZES})


def ticks_on_basis(ticks: TickInputs, basis: Float64) -> TickInputs:
    """Return ticks as kernels are given them; `basis` (S,) is that of each symbol."""
    if (basis == 1.0).all():
        return ticks
    own = basis[ticks.symbol]
    return ticks._replace(
        price=ticks.price * own, bid=ticks.bid * own, ask=ticks.ask * own,
        size=ticks.size / own, bid_size=ticks.bid_size / own, ask_size=ticks.ask_size / own,
    )  # fmt: skip


def degrees_of(columns: Sequence[Column]) -> Int64:
    """Return the power (F,) of the basis that each column grows with: its degree in price less that in size."""
    return np.array([column.degree_price - column.degree_size for column in columns], np.int64)


def in_own_units(values: Float64, degrees: Int64, basis: Float64) -> None:
    """Bring values (n, F), in place, from the basis (n,) to the units of their bars."""
    rows = np.flatnonzero(basis != 1.0)
    if not len(rows):
        return
    for degree in np.unique(degrees[degrees != 0]).tolist():
        factor = np.prod(np.repeat(basis[rows, None], abs(degree), axis=1), axis=1)[:, None]
        cells = np.ix_(rows, np.flatnonzero(degrees == degree))
        values[cells] = values[cells] / factor if degree > 0 else values[cells] * factor
