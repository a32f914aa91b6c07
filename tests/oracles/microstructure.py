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
HORIZON = {"5s": 5 * SECOND, "1m": 60 * SECOND}
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


def symbols(market: Market) -> Iterator[tuple[np.ndarray, Seen]]:
    ticks = {
        name: column.astype(LONG) if column.dtype == np.float64 else column.astype(np.int64)
        for name, column in market.ticks._asdict().items()
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
    segment = np.concatenate(([0], np.cumsum(np.diff(time) > FORGOTTEN * horizon)))
    result = np.zeros(len(time), LONG)
    for each in np.unique(segment):
        inside = segment == each
        growth = np.exp((time[inside] - time[inside][0]).astype(LONG) / horizon)
        result[inside] = np.cumsum(value[inside] * growth) / growth
    return at(result, n)


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


def shown(name: str, seen: Seen) -> np.ndarray:
    """Return what each quote shows."""
    q = seen.quote
    spread, depth = 10_000 * (q["ask"] - q["bid"]) / seen.mid, q["bid_size"] + q["ask_size"]
    imbalance = np.where(depth > 0, (q["bid_size"] - q["ask_size"]) / np.where(depth > 0, depth, 1), 0)
    if name.startswith("microprice"):
        micro = (q["bid"] * q["ask_size"] + q["ask"] * q["bid_size"]) / np.where(depth > 0, depth, 1)
        return np.where(depth > 0, 10_000 * (micro - seen.mid) / seen.mid, 0)
    if name.startswith("locked"):
        return (q["ask"] <= q["bid"]).astype(LONG)
    return imbalance if name.startswith("depth") else spread


@oracle("quoted_spread_bps", "microprice_deviation_bps", "depth_imbalance", "locked_crossed",
        bound=lambda name, market: 1e-9 * 1e-6)  # fmt: skip
@each_symbol
def last_quote(name: str, seen: Seen) -> np.ndarray:
    return at(np.where(seen.usable, shown(name, seen), np.nan), seen.quotes)


def small(name: str, market: Market) -> float:
    """A mean of signed terms may cancel to nothing: its error is that of the terms, some hundred roundings of them."""
    return 1e-11 if "bps" in name else 1e-13


@oracle(*(f"{name}_{h}" for name in ("quoted_spread_bps", "depth_imbalance", "locked_crossed_share") for h in HORIZON),
        bound=small)  # fmt: skip
@each_symbol
def mean_over_time(name: str, seen: Seen) -> np.ndarray:
    horizon, time, usable = horizon_of(name), seen.quote["time"], seen.usable
    if not usable.any():
        return np.full(len(seen.time), np.nan)
    value = np.where(usable, shown(name, seen), 0)
    stood = -np.expm1(-np.diff(time).astype(LONG) / horizon) * usable[:-1]
    part = decayed(time, np.concatenate(([0], stood * value[:-1])), seen.quotes, horizon)
    whole = decayed(time, np.concatenate(([0], stood)), seen.quotes, horizon)
    age = seen.time - at(time, seen.quotes)
    keep = np.where(age <= FORGOTTEN * horizon, np.exp(-age.astype(LONG) / horizon), 0)
    stands = at(usable, seen.quotes) == 1
    gain = np.where(stands, -np.expm1(-age.astype(LONG) / horizon), 0)
    mean = ratio(keep * part + gain * at(value, seen.quotes), keep * whole + gain)
    mean = np.where(stands & (keep * whole + gain == 0), at(value, seen.quotes), mean)
    ended = np.array([_ended(time, usable, n) for n in seen.quotes])
    return np.where(stands, mean, fresh(mean, seen.time - ended, horizon))


def _ended(time: np.ndarray, usable: np.ndarray, n: int) -> np.longdouble:
    """Return when the last usable of the first n quotes gave way to an unusable one."""
    last = np.flatnonzero(usable[:n])
    return LONG(time[last[-1] + 1]) if len(last) and last[-1] + 1 < n else LONG(np.nan)


@oracle("trade_rate_5s", "trade_rate_1m", "quote_rate_5s", "quote_rate_1m")
@each_symbol
def rate(name: str, seen: Seen) -> np.ndarray:
    horizon = horizon_of(name)
    events, n = (seen.trade, seen.trades) if name.startswith("trade") else (seen.quote, seen.quotes)
    if not len(events["time"]):
        return np.full(len(n), np.nan)
    age = (seen.time - at(events["time"], n)).astype(LONG)
    count = decayed(events["time"], np.ones(len(events["time"]), LONG), n, horizon) * np.exp(-age / horizon)
    return np.where(age > FORGOTTEN * horizon, 0, count) / (LONG(horizon) / SECOND)


@oracle("inter_trade_time_1m")
@each_symbol
def mean_wait(name: str, seen: Seen) -> np.ndarray:
    horizon, time, n = horizon_of(name), seen.trade["time"], np.maximum(seen.trades - 1, 0)
    if len(time) < 2:
        return np.full(len(n), np.nan)
    wait = np.diff(time).astype(LONG)
    counts = wait <= STALE_AFTER * horizon
    total = decayed(time[1:], np.where(counts, wait / SECOND, 0), n, horizon)
    mean = ratio(total, decayed(time[1:], counts.astype(LONG), n, horizon))
    return fresh(mean, seen.time - at(time, seen.trades), horizon)


@oracle("signed_volume_share_5s", "signed_volume_share_1m", "trade_size_mean_1m", bound=small)
@each_symbol
def volume_share(name: str, seen: Seen) -> np.ndarray:
    horizon, trade, n = horizon_of(name), seen.trade, seen.trades
    if not len(trade["time"]):
        return np.full(len(n), np.nan)
    volume = decayed(trade["time"], trade["size"], n, horizon)
    if name.startswith("signed"):
        value = ratio(decayed(trade["time"], trade["size"] * trade["side"], n, horizon), volume)
    else:
        value = volume / decayed(trade["time"], np.ones(len(trade["time"]), LONG), n, horizon)
    return fresh(value, seen.time - at(trade["time"], n), horizon)


@oracle("bar_signed_volume_share", bound=small)
@each_symbol
def bar_volume_share(name: str, seen: Seen) -> np.ndarray:
    size, side = seen.trade["size"], seen.trade["side"]
    return ratio(within_bars(seen, size * side, seen.trades), within_bars(seen, size, seen.trades))


def flow_events(seen: Seen) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return times, flows, depths of successive usable quotes, and how many of them each row has had."""
    usable = seen.usable
    q = {name: column[usable] for name, column in seen.quote.items()}
    new, old = ({name: column[part] for name, column in q.items()} for part in (slice(1, None), slice(None, -1)))
    bid = (new["bid"] >= old["bid"]) * new["bid_size"] - (new["bid"] <= old["bid"]) * old["bid_size"]
    ask = (new["ask"] <= old["ask"]) * new["ask_size"] - (new["ask"] >= old["ask"]) * old["ask_size"]
    depth = sum(part[side] for part in (new, old) for side in ("bid_size", "ask_size"))
    n = np.concatenate(([0], np.cumsum(usable)))[seen.quotes]
    return q["time"], bid - ask, depth, np.maximum(n - 1, 0)


@oracle("order_flow_imbalance_5s", "order_flow_imbalance_1m", "bar_order_flow_imbalance", bound=small)
@each_symbol
def order_flow(name: str, seen: Seen) -> np.ndarray:
    time, flow, depth, n = flow_events(seen)
    if not len(flow):
        return np.full(len(n), np.nan)
    if name.startswith("bar"):
        return ratio(within_bars(seen, flow, n), within_bars(seen, depth, n))
    horizon = horizon_of(name)
    share = ratio(decayed(time[1:], flow, n, horizon), decayed(time[1:], depth, n, horizon))
    return fresh(share, seen.time - at(time[1:], n), horizon)


@oracle("mid_return_5s", "mid_return_1m", bound=lambda name, market: 1e-18)  # a long double's log near 0
@each_symbol
def mid_return(name: str, seen: Seen) -> np.ndarray:
    width, back = {"mid_return_5s": (SECOND // 10, 50), "mid_return_1m": (SECOND, 60)}[name]
    before = np.searchsorted(seen.quote["time"][seen.usable], (seen.time // width - back) * width)
    then, now = at(seen.mid[seen.usable], before), at(seen.mid, seen.quotes)
    return np.log(now / then)


def counted_trades(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Return which trades have a known side and a usable quote standing, and that quote's mid for every trade."""
    mid = at(np.where(seen.usable, seen.mid, np.nan), seen.quotes_before_trade)
    return (seen.trade["side"] != 0) & ~np.isnan(mid), mid


@oracle("effective_spread_bps_1m", bound=small)
@each_symbol
def effective_spread(name: str, seen: Seen) -> np.ndarray:
    counted, mid = counted_trades(seen)
    if not counted.any():
        return np.full(len(seen.time), np.nan)
    trade, horizon = {field: column[counted] for field, column in seen.trade.items()}, horizon_of(name)
    paid = 20_000 * trade["side"] * (trade["price"] - mid[counted]) / mid[counted]
    n = np.concatenate(([0], np.cumsum(counted)))[seen.trades]
    mean = decayed(trade["time"], paid, n, horizon) / decayed(trade["time"], np.ones(len(paid), LONG), n, horizon)
    return fresh(mean, seen.time - at(trade["time"], n), horizon)


@oracle("realized_spread_bps_5s", bound=small)
@each_symbol
def realized_spread(name: str, seen: Seen) -> np.ndarray:
    counted, mid = counted_trades(seen)
    if not counted.any():
        return np.full(len(seen.time), np.nan)
    trade, width, horizon = {field: c[counted] for field, c in seen.trade.items()}, SECOND // 10, HORIZON["1m"]
    began = trade["time"] // width * width
    due = began + 51 * width
    later = at(seen.mid[seen.usable], np.searchsorted(seen.quote["time"][seen.usable], due))
    kept = 20_000 * trade["side"] * (trade["price"] - later) / mid[counted]
    n = np.searchsorted(due, seen.time, side="right")
    mean = decayed(began, kept, n, horizon) / decayed(began, np.ones(len(kept), LONG), n, horizon)
    return fresh(mean, seen.time - at(due, n), horizon)


def long_returns(bars: dict[str, np.ndarray]) -> np.ndarray:
    return bars["log_return"].astype(LONG)


@oracle("amihud_20")
@each_series
def amihud(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    result = np.full(len(bars["n"]), np.nan)
    for k in range(20, len(result)):
        window = slice(k - 19, k + 1)
        traded = bars["notional"][window] > 0
        if traded.any():
            result[k] = np.mean(abs(long_returns(bars)[window][traded]) / bars["notional"][window][traded].astype(LONG))
    return result


def _reversal(bars: dict[str, np.ndarray], k: int) -> np.longdouble:
    window = long_returns(bars)[k - 19 : k + 1]
    apart = window - window.mean()
    return -np.mean(apart[1:] * apart[:-1])


@each_series
def _roll_bound(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    """The covariance is good to some 50 roundings of the squares; the root passes that on, the more the nearer to 0."""
    result = np.zeros(len(bars["n"]))
    for k in range(20, len(result)):
        error = 50 * 2.0**-53 * np.mean(bars["log_return"][k - 19 : k + 1] ** 2)
        if error > 0:
            result[k] = 20_000 * error / np.sqrt(max(float(_reversal(bars, k)), error))
    return result


@oracle("roll_spread_20", bound=_roll_bound)
@each_series
def roll(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    result = np.full(len(bars["n"]), np.nan)
    for k in range(20, len(result)):
        result[k] = 20_000 * np.sqrt(max(_reversal(bars, k), 0))
    return result


@oracle("bar_quote_to_trade_ratio")
@each_series
def quotes_a_trade(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    return ratio(bars["quotes"].astype(LONG), bars["trades"].astype(LONG)).astype(float)
