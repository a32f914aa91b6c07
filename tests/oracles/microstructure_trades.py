"""Trades by their formulas: rates, waits, sizes and sides.

Decayed sums of positive terms are good to a rounding or two a term that still counts; a variation, the root of a
difference of two such, passes that on, the more the nearer it is to 0.
"""

from __future__ import annotations

import numpy as np

from tests.oracles.microstructure import (
    FORGOTTEN,
    HORIZON,
    LONG,
    SECOND,
    STALE_AFTER,
    Seen,
    at,
    decayed,
    decayed_at_events,
    each_symbol,
    fresh,
    horizon_of,
    ratio,
    small,
    within_bars,
)
from tests.oracles.registry import oracle


def named(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_{horizon}" for name in names for horizon in HORIZON)


def count_now(events: dict[str, np.ndarray], n: np.ndarray, seen: Seen, horizon: int) -> np.ndarray:
    """Return the decayed number of events as of each close."""
    age = (seen.time - at(events["time"], n)).astype(LONG)
    count = decayed(events["time"], np.ones(len(events["time"]), LONG), n, horizon) * np.exp(-age / horizon)
    return np.where(age > FORGOTTEN * horizon, 0 * count, count)


@oracle(*named("trade_rate", "quote_rate"))
@each_symbol
def rate(name: str, seen: Seen) -> np.ndarray:
    events, n = (seen.trade, seen.trades) if name.startswith("trade") else (seen.quote, seen.quotes)
    return count_now(events, n, seen, horizon_of(name)) / (LONG(horizon_of(name)) / SECOND)


@oracle(*named("quote_to_trade_ratio"))
@each_symbol
def quotes_a_trade(name: str, seen: Seen) -> np.ndarray:
    horizon = horizon_of(name)
    quotes, trades = (
        count_now(events, n, seen, horizon) for events, n in ((seen.quote, seen.quotes), (seen.trade, seen.trades))
    )
    return fresh(ratio(quotes, trades), seen.time - at(seen.trade["time"], seen.trades), horizon)


def waits(name: str, seen: Seen) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return decayed number, sum and sum of squares of the waits between trades."""
    horizon, time, n = horizon_of(name), seen.trade["time"], np.maximum(seen.trades - 1, 0)
    wait = np.diff(time).astype(LONG) / SECOND
    counts = np.diff(time) <= STALE_AFTER * horizon
    number, total, squares = (decayed(time[1:], counts * part, n, horizon) for part in (wait**0, wait, wait**2))
    return number, total, squares


@oracle(*named("inter_trade_time"))
@each_symbol
def mean_wait(name: str, seen: Seen) -> np.ndarray:
    number, total, _ = waits(name, seen)
    return fresh(ratio(total, number), seen.time - at(seen.trade["time"], seen.trades), horizon_of(name))


def variation(number: np.ndarray, total: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Return standard deviation / mean."""
    return np.sqrt(np.maximum(ratio(number * squares, total**2) - 1, 0))


def variation_error(number: np.ndarray, total: np.ndarray, squares: np.ndarray) -> np.ndarray:
    square = variation(number, total, squares) ** 2
    error = 4 * 2.0**-53 * (number + 10) * (1 + square)  # of its square
    return np.nan_to_num(error / np.sqrt(np.maximum(square, error)))


@each_symbol
def _wait_error(name: str, seen: Seen) -> np.ndarray:
    return variation_error(*waits(name, seen))


@oracle(*named("inter_trade_time_cv"), bound=_wait_error)
@each_symbol
def wait_variation(name: str, seen: Seen) -> np.ndarray:
    cv = np.where(seen.trades > 2, variation(*waits(name, seen)), np.nan)
    return fresh(cv, seen.time - at(seen.trade["time"], seen.trades), horizon_of(name))


def sizes(name: str, seen: Seen) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return decayed number, volume and sum of squared sizes of trades."""
    trade, n, horizon = seen.trade, seen.trades, horizon_of(name)
    size = trade["size"]
    number, volume, squares = (decayed(trade["time"], part, n, horizon) for part in (size**0, size, size**2))
    return number, volume, squares


@oracle(*named("signed_volume_share", "trade_size_mean", "trade_imbalance", "large_trade_share"), bound=small)
@each_symbol
def of_trades(name: str, seen: Seen) -> np.ndarray:
    horizon, trade, (number, volume, _) = horizon_of(name), seen.trade, sizes(name, seen)
    if name.startswith("trade_size"):
        value = volume / number
    elif name.startswith("trade_imbalance"):
        value = decayed(trade["time"], trade["side"].astype(LONG), seen.trades, horizon) / number
    else:
        part = trade["size"] * (trade["side"] if name.startswith("signed") else is_large(trade, horizon))
        value = ratio(decayed(trade["time"], part, seen.trades, horizon), volume)
    return fresh(value, seen.time - at(trade["time"], seen.trades), horizon)


def is_large(trade: dict[str, np.ndarray], horizon: int) -> np.ndarray:
    """Say of each trade whether it is larger than twice the mean of those before it that are not forgotten."""
    size, known = trade["size"], np.diff(trade["time"], prepend=-(10**18)) <= FORGOTTEN * horizon
    number, volume = (decayed_at_events(trade["time"], part, horizon) for part in (size**0, size))
    before = np.concatenate(([LONG(0)], (volume / number)[:-1]))
    return known & (size > 2 * (1 + LONG(1e-9)) * before)


@each_symbol
def _size_error(name: str, seen: Seen) -> np.ndarray:
    return variation_error(*sizes(name, seen))


@oracle(*named("trade_size_cv"), bound=_size_error)
@each_symbol
def size_variation(name: str, seen: Seen) -> np.ndarray:
    cv = np.where(seen.trades > 1, variation(*sizes(name, seen)), np.nan)
    return fresh(cv, seen.time - at(seen.trade["time"], seen.trades), horizon_of(name))


@oracle(*named("turnover"))
@each_symbol
def turnover(name: str, seen: Seen) -> np.ndarray:
    trade, horizon = seen.trade, horizon_of(name)
    age = (seen.time - at(trade["time"], seen.trades)).astype(LONG)
    now = decayed(trade["time"], trade["price"] * trade["size"], seen.trades, horizon) * np.exp(-age / horizon)
    return np.where(age > FORGOTTEN * horizon, 0 * now, now) / (LONG(horizon) / SECOND)


@oracle("bar_signed_volume_share", bound=small)
@each_symbol
def bar_volume_share(name: str, seen: Seen) -> np.ndarray:
    size, side = seen.trade["size"], seen.trade["side"]
    return ratio(within_bars(seen, size * side, seen.trades), within_bars(seen, size, seen.trades))
