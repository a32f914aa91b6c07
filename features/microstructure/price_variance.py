"""Realized variance of the mid and of trade prices in event time, and the share of the trades' in both.

It is the sum of squared relative changes from one price to the next, (p - q) / ((p + q) / 2), weighed by
exp(-age / horizon): quote by quote over usable mids, trade by trade over prices. Trades bounce between bid and ask, so
that theirs is the larger, the more the noise; half is the share where both move alike.

Seed:   the second usable quote; the second trade; the ratio both.
Edges:  a change within TIE of the price is none; unusable quotes are passed over; a variance is 0 after 50 horizons
        without a tick; the ratio is STALE ten horizons after the last trade or usable quote, EDGE where
        neither moved. A pause of more than 50 horizons forgets what was before it.
Cost:   O(horizons) a tick, 23 numbers a symbol.
Source: Andersen and Bollerslev (1998); Hansen and Lunde (2006) for noise.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.event_time import HORIZONS, NAMES, NS, SECOND, H, weigh
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import write, write_share
from features.ties import TIE
from schema.ticks import QUOTE, TRADE, Float64, Int64, UInt8

BID, ASK, PRICE = range(3)
SEEN, PRICED, FIRST, TICK, LAST = 0, 2, 4, 6, 8  # of the clock, each for trades and quotes


class Params(NamedTuple):
    horizons: tuple[int, ...]  # ns


class State(NamedTuple):
    clock: Int64  # (S, 10) of trades and quotes: number, that of usable ones; ns of the second usable, of the last,
    # and of the last usable one
    price: Float64  # (S, 3) last usable bid and ask, last trade price; 0 before the first
    sums: Float64  # (S, 2, H) decayed variances of trades and of the mid


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(np.zeros((n_symbols, 10), np.int64), np.zeros((n_symbols, 3)), np.zeros((n_symbols, 2, H)))


@njit(cache=True, inline="always")
def squared_change(moved: float, total: float) -> float:
    """Return the square of a relative change, from the move and the total of the two prices."""
    change = 2.0 * moved / total
    return change * change if abs(change) > TIE else 0.0


@njit(cache=True, inline="always")
def count_in(clock: Int64, i: int, kind: int, time: int, usable: bool) -> None:
    clock[i, SEEN + kind] += 1
    clock[i, TICK + kind] = time
    if usable:
        clock[i, PRICED + kind] += 1
        clock[i, LAST + kind] = time
        if clock[i, PRICED + kind] == 2:
            clock[i, FIRST + kind] = time


@njit(cache=True, inline="always")
def trade(prices: Float64, i: int, price: float) -> float:
    """Take a trade's price and return the square of its change."""
    old = prices[i, PRICE]
    prices[i, PRICE] = price
    return squared_change(price - old, price + old) if old > 0.0 else 0.0


@njit(cache=True, inline="always")
def quote(prices: Float64, i: int, bid: float, ask: float) -> float:
    """Take a quote's mid, if it has one, and return the square of its change."""
    if np.isnan(bid):
        return 0.0
    old_bid, old_ask = prices[i, BID], prices[i, ASK]
    prices[i, BID], prices[i, ASK] = bid, ask
    moved, total = (bid - old_bid) + (ask - old_ask), (bid + ask) + (old_bid + old_ask)
    return squared_change(moved, total) if old_bid > 0.0 else 0.0


@njit(cache=True, inline="always")
def decay(sums: Float64, i: int, kind: int, squared: float, keep: Float64, t: int) -> None:
    for h in range(H):
        sums[i, kind, h] = keep[t, h] * sums[i, kind, h] + squared


@njit(cache=True)
def read(
    params: Params, state: State, i: int, time: int, keep: Float64, gain: Float64, out: Float64, why: UInt8, k: int
) -> None:
    clock, missing = state.clock[i], horizons.missing(state.clock[i, SEEN + TRADE], state.clock[i, SEEN + QUOTE])
    for kind in range(2):
        weigh(time - clock[TICK + kind], keep, gain)
        absent = horizons.WARMING_UP if clock[PRICED + kind] < 2 else 0
        if clock[SEEN + kind] == 0:
            absent = horizons.NO_TRADES if kind == TRADE else horizons.NO_QUOTES
        missing = absent if missing == 0 else missing
        for h in range(H):
            young = horizons.young(NS[h], time - clock[FIRST + kind])
            write(out, why, k, kind * H + h, keep[h] * state.sums[i, kind, h], absent if absent else young)
    first, last = max(clock[FIRST], clock[FIRST + 1]), min(clock[LAST], clock[LAST + 1])
    for h in range(H):
        trades, mid = out[k, TRADE * H + h], out[k, QUOTE * H + h]
        reason = missing if missing else horizons.aged(NS[h], time - first, time - last)
        write_share(out, why, k, 2 * H + h, trades, trades + mid, reason)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    clock, prices, sums = state.clock, state.price, state.sums
    t, n_closes, keep, gain = 0, len(closes.position), np.empty(H), np.empty(H)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            i, time = ticks.symbol[t], ticks.time[t]
            if ticks.kind[t] == TRADE:
                decay(sums, i, TRADE, trade(prices, i, ticks.price[t]), ticks.keep, t)
                count_in(clock, i, TRADE, time, True)
            else:
                decay(sums, i, QUOTE, quote(prices, i, ticks.bid[t], ticks.ask[t]), ticks.keep, t)
                count_in(clock, i, QUOTE, time, not np.isnan(ticks.bid[t]))
            t += 1
        if k < n_closes:
            read(params, state, closes.symbol[k], closes.time[k], keep, gain, out, why, k)


_column = partial(Column, window=0, warm_up=2, range=(0.0, math.inf), oracle="naive, in long double")
_TIES = "a change of up to 1e-12 of the price is none"
_FAMILIES = (
    ("trade_variance", "sum of squared relative changes of the trade price, weight exp(-age / {0})",
     "Andersen and Bollerslev (1998)", ("price",), Driver.TRADE, "squared return", "0 after 50 horizons without one"),
    ("mid_variance", "sum of squared relative changes of the mid, quote by quote, weight exp(-age / {0})",
     "Andersen and Bollerslev (1998)", ("bid", "ask"), Driver.QUOTE, "squared return",
     "0 after 50 horizons without a quote"),
    ("noise_ratio", "trade_variance_{0} / (trade_variance_{0} + mid_variance_{0})",
     "Hansen and Lunde (2006)", ("price", "bid", "ask"),
     Driver.TRADE, "ratio", "EDGE where neither moved; STALE 10 horizons after the last trade or usable quote"),
)  # fmt: skip
_COLUMNS = tuple(
    _column(
        name=f"{name}_{horizon_name}", formula=formula.format(horizon_name), source=source, inputs=inputs,
        driver=driver, unit=unit, edges=edges, ties=_TIES, params={"horizon_seconds": horizon / SECOND},
    )
    for name, formula, source, inputs, driver, unit, edges in _FAMILIES
    for horizon_name, horizon in zip(NAMES, HORIZONS)
)  # fmt: skip
register(Group("price_variance", Family.MICROSTRUCTURE, Stage.TICKS, _COLUMNS, Params(HORIZONS), init, update))
