"""Bars from within: each bar's own ticks afresh, in long double."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.oracles.microstructure import Seen, symbols
from tests.oracles.registry import Expected, Market, oracle
from tests.oracles.windows import EPS, exact

TIE = 1e-12


@dataclass
class Inside:
    """One bar: its trades and quotes, the trade and the quotes before them, all in long double."""

    start: int
    close: int
    trade: dict[str, np.ndarray]  # of the bar
    before: np.longdouble  # last price before the bar
    mids: np.ndarray  # usable mids of the bar, headed by the last one before, if any
    quotes: list[tuple[float, float, dict[str, np.longdouble]]]  # from, to, the usable quote that stood
    mid_at_trade: np.ndarray  # NaN where no usable quote stood
    mid: np.longdouble  # at the close
    traded: bool  # ever
    quoted: bool


def _inside(seen: Seen, start: int, close: int, q0: int, q1: int, t0: int, t1: int) -> Inside:
    time, usable, mid = seen.quote["time"], seen.usable, seen.mid
    standing = range(max(q0 - 1, 0), q1)
    ends = [*time[max(q0 - 1, 0) + 1 : q1], close]
    quotes = [
        (max(time[q], start), end, {field: column[q] for field, column in seen.quote.items()})
        for q, end in zip(standing, ends)
        if usable[q]
    ]
    earlier = mid[:q0][usable[:q0]][-1:]
    nan = np.longdouble("nan")
    at = seen.quotes_before_trade[t0:t1]
    return Inside(
        start, close, {field: column[t0:t1] for field, column in seen.trade.items()},
        seen.trade["price"][t0 - 1] if t0 else nan, np.concatenate([earlier, mid[q0:q1][usable[q0:q1]]]), quotes,
        np.array([mid[n - 1] if n and usable[n - 1] else nan for n in at], np.longdouble),
        mid[q1 - 1] if q1 and usable[q1 - 1] else nan, t1 > 0, q1 > 0,
    )  # fmt: skip


_MADE: list[tuple[Market, list[tuple[int, Inside]]]] = []  # of the last markets: many columns ask for the same bars


def bars_of(market: Market) -> list[tuple[int, Inside]]:
    """Return the row and the inside of every bar, one series after another, each in order."""
    for known, made in _MADE:
        if known is market:
            return made
    found = []
    for rows, seen in symbols(market):
        start = market.bars.start[rows]
        for series in np.unique(seen.series):
            q0, t0 = 0, 0
            for k in np.flatnonzero(seen.series == series):
                q1, t1 = int(seen.quotes[k]), int(seen.trades[k])
                found.append((int(rows[k]), _inside(seen, start[k], seen.time[k], q0, q1, t0, t1)))
                q0, t0 = q1, t1
    _MADE[:] = [*_MADE[-5:], (market, found)]
    return found


def each_bar(one: Callable[[str, Inside], object]) -> Expected:
    """Make an oracle of a function of one bar."""

    def expected(name: str, market: Market) -> np.ndarray:
        result = np.full(len(market.bars.series), np.longdouble("nan"))
        for row, bar in bars_of(market):
            result[row] = one(name, bar)
        return result

    return expected


STOOD = ("time_weighted_spread_bps", "time_weighted_depth_imbalance", "time_weighted_depth", "locked_crossed_share")


@oracle(*(f"bar_{what}" for what in STOOD),
        bound=lambda name, market: (1e4 if "bps" in name else 1) * 40 * EPS)  # fmt: skip
@each_bar
def over_time(name: str, bar: Inside) -> object:
    """Signed means may cancel: their error is that of the terms, spreads below 1 and imbalances up to 1."""
    total = whole = np.longdouble(0)
    for begin, end, q in bar.quotes:
        depth, middle = q["bid_size"] + q["ask_size"], (q["bid"] + q["ask"]) / 2
        shown = {
            "bar_time_weighted_spread_bps": 10_000 * (q["ask"] - q["bid"]) / middle,
            "bar_time_weighted_depth_imbalance": (q["bid_size"] - q["ask_size"]) / depth if depth else 0,
            "bar_time_weighted_depth": depth,
            "bar_locked_crossed_share": q["ask"] - q["bid"] <= TIE * middle,
        }[name]
        total += (end - begin) * shown
        whole += end - begin
    return total / whole if whole else np.nan


def changes(prices: np.ndarray) -> np.ndarray:
    """Return the log changes of prices; those within TIE are 0."""
    moves = np.diff(prices)
    return np.where(np.abs(moves) > TIE * prices[1:], np.log1p(moves / prices[:-1]), 0)


@oracle("bar_mid_changes", "bar_mid_realized_variance", "bar_trade_realized_variance")
@each_bar
def squared(name: str, bar: Inside) -> object:
    prices, any_yet = bar.mids, bar.quoted
    if "trade" in name:
        prices, any_yet = np.append(bar.before, bar.trade["price"]), bar.traded
    moves = changes(exact(prices)[~np.isnan(prices)])
    return np.nan if not any_yet else (moves != 0).sum() if name == "bar_mid_changes" else (moves**2).sum()


@oracle("bar_trade_count_imbalance", "bar_longest_run", "bar_trade_reversal_share")
@each_bar
def sides(name: str, bar: Inside) -> object:
    known = bar.trade["side"][bar.trade["side"] != 0]
    if name == "bar_longest_run":
        runs = np.diff(np.flatnonzero(np.concatenate(([True], np.diff(known) != 0, [True]))))
        return runs.max(initial=0) * (len(known) > 0) if bar.traded else np.nan
    if name == "bar_trade_reversal_share":
        return np.mean(np.diff(known) != 0) if len(known) > 1 else np.nan
    return exact(known).mean() if len(known) else np.nan


@oracle("bar_largest_trade_share", "bar_trade_concentration", "bar_volume_centroid")
@each_bar
def sizes(name: str, bar: Inside) -> object:
    size = exact(bar.trade["size"])
    share = size / size.sum() if size.sum() else np.full(1, np.nan)
    if name == "bar_volume_centroid":
        when = exact(bar.trade["time"] - bar.start) / (bar.close - bar.start)
        return (share * when).sum() if size.sum() else np.nan
    return share.max() if "largest" in name else (share**2).sum()


@oracle("bar_longest_wait_share")
@each_bar
def longest_wait(name: str, bar: Inside) -> object:
    if not bar.traded:
        return np.nan
    return exact(np.diff([bar.start, *bar.trade["time"], bar.close])).max() / (bar.close - bar.start)


@oracle("bar_effective_spread_bps", "bar_price_impact_bps", bound=lambda name, market: 2e4 * 100 * EPS)
@each_bar
def trades_beside_the_mid(name: str, bar: Inside) -> object:
    """A mean of signed terms may cancel: its error is some roundings of its terms, all below 1 before the scale."""
    counted = (bar.trade["side"] != 0) & ~np.isnan(bar.mid_at_trade) & (bar.trade["size"] > 0)
    mid, side, size = bar.mid_at_trade[counted], bar.trade["side"][counted], bar.trade["size"][counted]
    after = bar.trade["price"][counted] if "effective" in name else bar.mid
    return (size * 20_000 * side * (after - mid) / mid).sum() / size.sum() if counted.any() else np.nan
