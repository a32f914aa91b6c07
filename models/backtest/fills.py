"""At which price an order is filled.

With quotes  at the first one behind bar close + latency: buys at its ask, sells at its bid
Without      at the open of the symbol's next bar, plus or minus half a spread that is a setting

Both are told as a mid and half a spread in relative terms, so that what the market gave and what the spread cost can
be told apart: a buy pays mid (1 + half), a sale gets mid (1 - half).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.backtest.ground import Ground, Quotes
from models.data.dataset import Dataset
from schema.ticks import Bool, Float64, Int64


@dataclass(frozen=True, slots=True)
class Costs:
    """What trading costs."""

    fee_bps: float = 0.5  # of what is bought or sold
    half_spread_bps: float = 2.0  # where there are no quotes
    latency_ms: float = 50.0  # from a bar's close until an order is at the venue, where there are


@dataclass(frozen=True, slots=True)
class Fills:
    """Of each row (n,) of a data set: how an order given at its close is filled; NaN where it can't be any more."""

    time: Int64  # ns UTC
    mid: Float64
    half: Float64  # half the spread, of the mid
    quoted: Bool  # at a quote


def fills_of(dataset: Dataset, ground: Ground, costs: Costs) -> Fills:
    """Return the fills of the rows of a data set."""
    fills = _at_next_open(dataset, ground, costs)
    for symbol in np.unique(ground.quotes.symbol):
        first, last = np.searchsorted(ground.quotes.symbol, (symbol, symbol + 1))
        rows = np.flatnonzero(dataset.symbol == symbol)
        quotes = Quotes._make(c[first:last] for c in ground.quotes)
        _at_quotes(fills, rows, dataset.time[rows], ground.basis[rows], quotes, costs)
    return fills


def _at_next_open(dataset: Dataset, ground: Ground, costs: Costs) -> Fills:
    order = np.argsort(dataset.symbol, kind="stable")
    here, there = order[:-1], order[1:]
    same = dataset.symbol[here] == dataset.symbol[there]
    n = len(order)
    fills = Fills(
        np.zeros(n, np.int64), np.full(n, np.nan), np.full(n, costs.half_spread_bps * 1e-4), np.zeros(n, bool)
    )
    fills.time[here[same]] = np.maximum(ground.start[there[same]], dataset.time[here[same]])
    fills.mid[here[same]] = ground.open[there[same]]
    return fills


def _at_quotes(fills: Fills, rows: Int64, closes: Int64, basis: Float64, quotes: Quotes, costs: Costs) -> None:
    """Fill the rows of one symbol, whose bars closed at `closes`, at its quotes, on their bars' basis."""
    arrives = closes + round(costs.latency_ms * 1e6)
    at = np.searchsorted(quotes.time, arrives, side="right")
    there = at < len(quotes.time)
    rows_there, at = rows[there], at[there]
    bid, ask = quotes.bid[at], quotes.ask[at]
    fills.mid[rows] = np.nan
    inside = np.minimum(np.searchsorted(closes, quotes.time[at], side="right"), len(closes) - 1)
    fills.time[rows_there], fills.mid[rows_there] = quotes.time[at], 0.5 * (bid + ask) * basis[inside]
    fills.half[rows_there] = (ask - bid) / (bid + ask)
    fills.quoted[rows] = True
