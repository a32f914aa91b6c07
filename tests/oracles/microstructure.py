"""Microstructure by its formulas: every event of the whole history weighed by its own age, in long double.

`Seen` lays one symbol's ticks beside its rows. Nothing is updated step by step: a decayed sum is the sum over all
events of value * exp(-(now - time) / horizon), cut where a pause of more than 50 horizons forgets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from schema.ticks import QUOTE, TRADE
from tests.oracles.registry import Expected, Market, each_series, oracle

LONG = np.longdouble
SECOND = 1_000_000_000
HORIZON = {name: s * SECOND for name, s in (("1s", 1), ("5s", 5), ("30s", 30), ("1m", 60), ("5m", 300), ("15m", 900))}
FORGOTTEN, STALE_AFTER = 50, 10  # horizons


@dataclass
class Seen:
    """One symbol: its quotes and trades in order, and for each of its rows how many of them came before."""

    quote: dict[str, np.ndarray]
    trade: dict[str, np.ndarray]
    quotes: np.ndarray  # (rows,) quotes before the close
    trades: np.ndarray
    time: np.ndarray  # (rows,) ns of the close
    series: np.ndarray
    quotes_before_trade: np.ndarray  # (trades,)

    @property
    def usable(self) -> np.ndarray:
        return ~np.isnan(self.quote["bid"])

    @property
    def mid(self) -> np.ndarray:
        return (self.quote["bid"] + self.quote["ask"]) / 2


_last_seen: list[tuple[Market, list[tuple[np.ndarray, Seen]]]] = []  # of the market asked about last


def symbols(market: Market) -> list[tuple[np.ndarray, Seen]]:
    """Return each symbol's rows and what was seen of it; the same market again costs nothing."""
    known = _last_seen[0][0] if _last_seen else None
    if known is None or known.ticks is not market.ticks or known.closes.position is not market.closes.position:
        _last_seen[:] = [(market, list(_symbols(market)))]
    return _last_seen[0][1]


def _symbols(market: Market) -> Iterator[tuple[np.ndarray, Seen]]:
    ticks = {
        name: column.astype(LONG) if column.dtype == np.float64 else column.astype(np.int64)
        for name, column in market.ticks._asdict().items()
        if name not in ("keep", "gain")
    }
    for symbol in np.unique(market.closes.symbol):
        rows = np.flatnonzero(market.closes.symbol == symbol)
        own = {kind: np.flatnonzero((ticks["symbol"] == symbol) & (ticks["kind"] == kind)) for kind in (TRADE, QUOTE)}
        at = market.closes.position[rows]
        yield (
            rows,
            Seen(
                quote={name: column[own[QUOTE]] for name, column in ticks.items()},
                trade={name: column[own[TRADE]] for name, column in ticks.items()},
                quotes=np.searchsorted(own[QUOTE], at),
                trades=np.searchsorted(own[TRADE], at),
                time=market.closes.time[rows],
                series=market.bars.series[rows],
                quotes_before_trade=np.searchsorted(own[QUOTE], own[TRADE]),
            ),
        )


def each_symbol(one: Callable[[str, Seen], np.ndarray]) -> Expected:
    def expected(name: str, market: Market) -> np.ndarray:
        result = np.full(len(market.bars.series), np.nan)
        for rows, seen in symbols(market):
            result[rows] = one(name, seen)
        return result

    return expected


def horizon_of(name: str) -> int:
    return HORIZON[name.rsplit("_", 1)[1]]


def decayed(time: np.ndarray, value: np.ndarray, n: np.ndarray, horizon: int) -> np.ndarray:
    """Return for each row sum of value * exp(-(time of the n-th event - time) / horizon) over its first n events."""
    return at(decayed_at_events(time, value, horizon), n)


def decayed_at_events(time: np.ndarray, value: np.ndarray, horizon: int) -> np.ndarray:
    """Return the decayed sum as of each event, itself included.

    It is a plain cumulative sum of values that grow as exp(time / horizon), over blocks short enough for that to stay
    a number; a block takes over what is left of the one before, unless a pause of more than FORGOTTEN horizons lies
    between.
    """
    result, left = np.zeros(len(time), LONG), LONG(0)
    since = time - time[0] if len(time) else time
    starts = np.concatenate(([0], np.cumsum(np.diff(time) > FORGOTTEN * horizon))) * 10**9 + since // (1_000 * horizon)
    firsts = np.flatnonzero(np.diff(starts[: len(time)], prepend=-1))
    for first, end in zip(firsts, [*firsts[1:], len(time)]):
        wait = time[first] - time[first - 1] if first else FORGOTTEN * horizon + 1
        left = result[first - 1] * np.exp(-LONG(wait) / horizon) if wait <= FORGOTTEN * horizon else LONG(0)
        growth = np.exp((time[first:end] - time[first]).astype(LONG) / horizon)
        result[first:end] = (left + np.cumsum(value[first:end] * growth)) / growth
    return result


def at(value: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return the n-th value for each row, NaN where n is 0."""
    return np.concatenate(([LONG(np.nan)], value.astype(LONG)))[n]  # a long double holds every int64


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole != 0, part / np.where(whole != 0, whole, 1), np.nan)


def fresh(value: np.ndarray, age: np.ndarray, horizon: int) -> np.ndarray:
    return np.where(age <= STALE_AFTER * horizon, value, np.nan)


def within_bars(seen: Seen, value: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return for each row the sum of the events since the row before of its series."""
    total, result = np.concatenate(([LONG(0)], np.cumsum(value))), np.zeros(len(n), LONG)
    for series in np.unique(seen.series):
        rows = np.flatnonzero(seen.series == series)
        result[rows] = np.diff(total[n[rows]], prepend=LONG(0))
    return result


def small(name: str, market: Market) -> float:
    """A mean of signed terms may cancel to nothing: its error is that of the terms, some hundred roundings of them."""
    return 1e-11 if "bps" in name else 1e-13


def long_returns(bars: dict[str, np.ndarray]) -> np.ndarray:
    return bars["log_return"].astype(LONG)


@oracle("bar_quote_to_trade_ratio")
@each_series
def quotes_a_trade(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    return ratio(bars["quotes"].astype(LONG), bars["trades"].astype(LONG)).astype(float)
