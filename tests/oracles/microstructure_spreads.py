"""What trading costs and how prices move, by their formulas: spreads, impact, returns of the mid."""

from __future__ import annotations

import numpy as np

from features.ties import TIE
from tests.oracles.microstructure import (
    FORGOTTEN,
    HORIZON,
    LONG,
    SECOND,
    Seen,
    at,
    decayed,
    each_symbol,
    fresh,
    horizon_of,
    ratio,
    small,
)
from tests.oracles.registry import oracle

GRID = {"1s": SECOND // 10, "5s": SECOND // 10, "30s": SECOND, "1m": SECOND, "5m": 15 * SECOND, "15m": 15 * SECOND}


def leaning(seen: Seen) -> np.ndarray:
    """Return what the microprice of each quote lies above its mid."""
    q = seen.quote
    depth = q["bid_size"] + q["ask_size"]
    micro = (q["bid"] * q["ask_size"] + q["ask"] * q["bid_size"]) / np.where(depth > 0, depth, 1)
    return np.where(depth > 0, micro - seen.mid, 0)


@each_symbol
def _lean_error(name: str, seen: Seen) -> np.ndarray:
    """The microprice's distance from the mid is good to some roundings of the half spread, now as then."""
    if name.startswith("mid"):
        return np.full(len(seen.time), 1e-18)  # a long double's log near 0
    half = (seen.quote["ask"] - seen.quote["bid"]) / seen.mid / 2
    return 1e-18 + 10 * 2.0**-53 * np.full(len(seen.time), np.nanmax(abs(half), initial=0))


@oracle(*(f"{price}_return_{h}" for price in ("mid", "microprice") for h in HORIZON), bound=_lean_error)
@each_symbol
def price_return(name: str, seen: Seen) -> np.ndarray:
    """A return is log1p of a difference: the log of a ratio near 1 would lose what the prices hold."""
    width, horizon = GRID[name.rsplit("_", 1)[1]], horizon_of(name)
    price = seen.mid if name.startswith("mid") else seen.mid + leaning(seen)
    before = np.searchsorted(seen.quote["time"][seen.usable], (seen.time // width - horizon // width) * width)
    then, now = at(price[seen.usable], before), at(price, seen.quotes)
    return np.log1p((now - then) / then)


def counted_trades(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Return which trades have a known side and a usable quote standing, and that quote's mid for every trade."""
    mid = at(np.where(seen.usable, seen.mid, np.nan), seen.quotes_before_trade)
    return (seen.trade["side"] != 0) & ~np.isnan(mid), mid


@oracle(*(f"effective_spread_bps_{h}" for h in HORIZON), bound=small)
@each_symbol
def effective_spread(name: str, seen: Seen) -> np.ndarray:
    (counted, mid), trade, horizon = counted_trades(seen), seen.trade, horizon_of(name)
    paid = np.where(counted, 20_000 * trade["side"] * (trade["price"] - mid) / mid, 0)
    mean = ratio(*(decayed(trade["time"], part, seen.trades, horizon) for part in (paid, counted.astype(LONG))))
    n = np.concatenate(([0], np.cumsum(counted)))[seen.trades]
    return fresh(mean, seen.time - at(trade["time"][counted], n), horizon)


DELAYED = {"5s": (SECOND // 10, 51, 60), "30s": (2 * SECOND, 16, 60), "1m": (4 * SECOND, 16, 60),
           "5m": (10 * SECOND, 31, 300)}  # bucket, buckets until it appears, seconds of the horizon  # fmt: skip


@oracle(*(f"{name}_{delay}" for name in ("realized_spread_bps", "price_impact_bps") for delay in DELAYED), bound=small)
@each_symbol
def after_a_delay(name: str, seen: Seen) -> np.ndarray:
    counted, mid = counted_trades(seen)
    if not counted.any():
        return np.full(len(seen.time), np.nan)
    trade, (width, delay, seconds) = {f: c[counted] for f, c in seen.trade.items()}, DELAYED[name.rsplit("_", 1)[1]]
    began, horizon = trade["time"] // width * width, seconds * SECOND
    due = began + delay * width
    later = at(seen.mid[seen.usable], np.searchsorted(seen.quote["time"][seen.usable], due))
    moved = trade["price"] - later if name.startswith("realized") else later - mid[counted]
    n = np.searchsorted(due, seen.time, side="right")
    value = 20_000 * trade["side"] * moved / mid[counted]
    mean = decayed(began, value, n, horizon) / decayed(began, np.ones(len(value), LONG), n, horizon)
    return fresh(mean, seen.time - at(due, n), horizon)


def variance(prices: np.ndarray, usable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the squared relative change that each event brings, and how many of the events have a price so far."""
    known, squared = prices[usable], np.zeros(len(prices), LONG)
    change = (known[1:] - known[:-1]) / ((known[1:] + known[:-1]) / 2)
    squared[np.flatnonzero(usable)[1:]] = np.where(abs(change) > TIE, change, 0) ** 2
    return squared, np.concatenate(([0], np.cumsum(usable)))


def variance_now(name: str, seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Return the decayed variance as of each close, and when the last price came."""
    trades, horizon = name.startswith("trade"), horizon_of(name)
    events, n = (seen.trade, seen.trades) if trades else (seen.quote, seen.quotes)
    prices, usable = (events["price"], np.full(len(events["price"]), True)) if trades else (seen.mid, seen.usable)
    squared, priced = variance(prices, usable)
    age = (seen.time - at(events["time"], n)).astype(LONG)
    now = decayed(events["time"], squared, n, horizon) * np.exp(-age / horizon)
    now = np.where(age > FORGOTTEN * horizon, 0 * now, now)
    return np.where(priced[n] > 1, now, np.nan), at(events["time"][usable], priced[n])


@oracle(*(f"{price}_variance_{h}" for price in ("trade", "mid") for h in HORIZON))
@each_symbol
def price_variance(name: str, seen: Seen) -> np.ndarray:
    return variance_now(name, seen)[0]


@oracle(*(f"noise_ratio_{h}" for h in HORIZON))
@each_symbol
def noise_ratio(name: str, seen: Seen) -> np.ndarray:
    (trades, traded), (mids, quoted) = (variance_now(f"{price}_{name}", seen) for price in ("trade", "mid"))
    return fresh(ratio(trades, trades + mids), seen.time - np.minimum(traded, quoted), horizon_of(name))
