"""The order of trade signs, the tick rule beside the aggressor, and the trades' mean price beside the mid.

Trades weigh by exp(-age / horizon). A run is a row of trades of one side; those of unknown side are passed over. The
tick rule signs a trade by the last change of the trade price. The mean price is weighed by volume; it is kept as its
distance from the last price, which loses nothing where prices hardly move.

Seed:   the first trade of known side; the first change of the trade price; the first trade and a usable quote.
Edges:  EDGE where nothing that counts is remembered; STALE ten horizons after the last trade; the price distance is
        NO_QUOTES while the last quote is unusable; a pause of more than 50 horizons forgets what was before it.
Cost:   O(horizons) a trade, 51 numbers a symbol.
Source: Lee and Ready (1991) for both rules; Berkowitz, Logue and Noser (1988) for the mean price.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.event_time import HORIZONS, NAMES, NS, SECOND, H
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import write_share
from features.ties import TIE
from schema.ticks import QUOTE, TRADE, Float64, Int64, UInt8

SIGNED, RUNS, RULED, BOUGHT, BOTH, AGREED, VOLUME, DISTANCE = range(8)
FIRST, LAST, SIDE, RULE = 2, 3, 4, 5  # of the clock, behind the numbers of trades and quotes
BID, ASK, PRICE = range(3)


class Params(NamedTuple):
    horizons: tuple[int, ...]  # ns


class State(NamedTuple):
    clock: Int64  # (S, 6) trades and quotes seen, ns of the first and the last trade, last known side by either rule
    price: Float64  # (S, 3) bid and ask that stand, 0 where the quote is unusable; last trade price, 0 before the first
    sums: Float64  # (S, 8, H) decayed numbers of trades with a side, runs begun, trades that the tick rule signs, buys
    # among them, trades with both signs, those that agree; decayed volume, and that times (price - last price)


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(np.zeros((n_symbols, 6), np.int64), np.zeros((n_symbols, 3)), np.zeros((n_symbols, 8, H)))


@njit(cache=True, inline="always")
def quote(clock: Int64, prices: Float64, i: int, bid: float, ask: float) -> None:
    clock[i, QUOTE] += 1
    usable = not np.isnan(bid)
    prices[i, BID], prices[i, ASK] = bid if usable else 0.0, ask if usable else 0.0


@njit(cache=True, inline="always")
def add(sums: Float64, i: int, rule: int, side: int, new: bool, keep: Float64, t: int) -> None:
    """Count a trade, signed by the tick rule and by the aggressor, who is new or the one before."""
    signed, ruled = 1.0 if side != 0 else 0.0, 1.0 if rule != 0 else 0.0
    begun, bought, agreed = 1.0 if new else 0.0, 1.0 if rule > 0 else 0.0, 1.0 if rule * side > 0 else 0.0
    for h in range(H):
        kept = keep[t, h]
        sums[i, SIGNED, h] = kept * sums[i, SIGNED, h] + signed
        sums[i, RUNS, h] = kept * sums[i, RUNS, h] + begun
        sums[i, RULED, h] = kept * sums[i, RULED, h] + ruled
        sums[i, BOUGHT, h] = kept * sums[i, BOUGHT, h] + bought
        sums[i, BOTH, h] = kept * sums[i, BOTH, h] + signed * ruled
        sums[i, AGREED, h] = kept * sums[i, AGREED, h] + agreed


@njit(cache=True, inline="always")
def weigh_price(sums: Float64, i: int, back: float, size: float, keep: Float64, t: int) -> None:
    """Measure all prices from the new one, `back` below the last, and add it."""
    for h in range(H):
        kept, volume = keep[t, h], sums[i, VOLUME, h]
        sums[i, DISTANCE, h] = kept * (sums[i, DISTANCE, h] + back * volume)
        sums[i, VOLUME, h] = kept * volume + size


@njit(cache=True, inline="always")
def trade(clock: Int64, prices: Float64, i: int, time: int, price: float, side: int) -> tuple[float, bool]:
    """Take a trade; return how far the price moved and whether a run begins."""
    moved = price - prices[i, PRICE] if clock[i, TRADE] > 0 else 0.0
    if abs(moved) > TIE * price:
        clock[i, RULE] = 1 if moved > 0.0 else -1
    begins = side != 0 and side != clock[i, SIDE]
    clock[i, SIDE] = side if side != 0 else clock[i, SIDE]
    clock[i, FIRST] = time if clock[i, TRADE] == 0 else clock[i, FIRST]
    clock[i, TRADE] += 1
    clock[i, LAST] = time
    prices[i, PRICE] = price
    return moved, begins


@njit(cache=True)
def read(params: Params, state: State, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    clock, absent = state.clock, horizons.NO_TRADES if state.clock[i, TRADE] == 0 else 0
    missing = horizons.missing(clock[i, TRADE], clock[i, QUOTE])
    bid, ask, price = state.price[i, BID], state.price[i, ASK], state.price[i, PRICE]
    unquoted = missing if missing != 0 or bid != 0.0 else horizons.NO_QUOTES
    scale, above = (2e4 / (bid + ask), 0.5 * ((price - bid) + (price - ask))) if bid != 0.0 else (0.0, 0.0)
    for h in range(H):
        aged = horizons.aged(NS[h], time - clock[i, FIRST], time - clock[i, LAST])
        reason, sums = absent if absent != 0 else aged, state.sums[i]
        write_share(out, why, k, h, sums[SIGNED, h], sums[RUNS, h], reason)
        write_share(out, why, k, H + h, sums[BOUGHT, h], sums[RULED, h], reason)
        write_share(out, why, k, 2 * H + h, sums[AGREED, h], sums[BOTH, h], reason)
        distance, volume = scale * (sums[DISTANCE, h] + above * sums[VOLUME, h]), sums[VOLUME, h]
        write_share(out, why, k, 3 * H + h, distance, volume, unquoted if unquoted != 0 else aged)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    clock, prices, sums = state.clock, state.price, state.sums
    t, n_closes = 0, len(closes.position)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            if ticks.kind[t] == TRADE:
                i, price, size, side = ticks.symbol[t], ticks.price[t], ticks.size[t], ticks.side[t]
                moved, begins = trade(clock, prices, i, ticks.time[t], price, side)
                add(sums, i, clock[i, RULE], side, begins, ticks.keep, t)
                weigh_price(sums, i, -moved, size, ticks.keep, t)
            else:
                quote(clock, prices, ticks.symbol[t], ticks.bid[t], ticks.ask[t])
            t += 1
        if k < n_closes:
            read(params, state, closes.symbol[k], closes.time[k], out, why, k)


_column = partial(Column, driver=Driver.TRADE, window=0, oracle="naive, in long double")
_STALE, _TIES = "STALE 10 horizons after the last trade", "a change of up to 1e-12 of the price is none"
_FAMILIES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("trade_run_length", "trades of known side / runs of one side begun, both weighed by exp(-age / {0})",
     {"source": "Wald and Wolfowitz (1940)", "inputs": ("side",), "unit": "trades", "range": (1 - 1e-9, math.inf),
      "edges": f"EDGE where no run began; {_STALE}", "warm_up": 1}),
    ("tick_rule_buy_share", "share of buys, by the tick rule, in the trades that it signs, weight exp(-age / {0})",
     {"source": "Lee and Ready (1991)", "inputs": ("price",), "unit": "ratio", "range": (0.0, 1.0),
      "edges": f"EDGE before the first change of price; {_STALE}", "warm_up": 2, "ties": _TIES}),
    ("tick_rule_agreement", "share of the trades that the tick rule signs as `side` does, weight exp(-age / {0})",
     {"source": "Lee and Ready (1991)", "inputs": ("price", "side"), "unit": "ratio", "range": (0.0, 1.0),
      "edges": f"trades without both signs don't count; {_STALE}", "warm_up": 2, "ties": _TIES}),
    ("vwap_to_mid_bps", "10,000 (mean of trade prices, weight size * exp(-age / {0}) - mid) / mid",
     {"source": "Berkowitz, Logue and Noser (1988)", "inputs": ("price", "size", "bid", "ask"), "unit": "bps",
      "range": (-math.inf, math.inf), "edges": f"no volume: EDGE; no usable quote: NO_QUOTES; {_STALE}", "warm_up": 1}),
)  # fmt: skip
_COLUMNS = tuple(
    _column(
        name=f"{name}_{suffix}", formula=formula.format(suffix), params={"horizon_seconds": horizon / SECOND}, **row
    )
    for name, formula, row in _FAMILIES
    for suffix, horizon in zip(NAMES, HORIZONS)
)
register(Group("trade_signs", Family.MICROSTRUCTURE, Stage.TICKS, _COLUMNS, Params(HORIZONS), init, update))
