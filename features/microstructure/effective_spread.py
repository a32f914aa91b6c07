"""Effective spread: how far from the mid trades were made, 2 side (price - mid) / mid.

Trades weigh by exp(-age / horizon); the sums stand as of the last trade, whose age cancels in the mean.

Seed:   the first trade of known side with a usable quote standing.
Edges:  trades of unknown side, or without a usable quote, don't count; STALE ten horizons after the last that does; a
        pause of more than 50 horizons without a trade forgets what was before it.
Cost:   O(horizons) a trade, 18 numbers a symbol.
Source: Huang and Stoll (1996), Dealer versus auction markets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.event_time import HORIZONS, NAMES, NS, SECOND, H
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import write_share
from schema.ticks import QUOTE, TRADE, Float64, Int64, UInt8

TOTAL, COUNT = 0, 1
FIRST, LAST = 2, 3  # of the clock, behind the numbers of trades and quotes


class Params(NamedTuple):
    horizons: tuple[int, ...]  # ns


class State(NamedTuple):
    clock: Int64  # (S, 4) trades and quotes seen; ns of the first trade that counts, 0 before it, and of the last
    quote: Float64  # (S, 2) bid and ask that stand, 0 where the last quote is unusable
    paid: Float64  # (S, 2, H) decayed sum in bps and decayed count


def init(n_symbols: int, n_timeframes: int) -> State:
    clock, quote = np.zeros((n_symbols, 4), np.int64), np.zeros((n_symbols, 2))
    return State(clock, quote, np.zeros((n_symbols, 2, H)))


@njit(cache=True, inline="always")
def stand(clock: Int64, quote: Float64, i: int, bid: float, ask: float) -> None:
    """Let a quote stand."""
    clock[i, QUOTE] += 1
    usable = not np.isnan(bid)
    quote[i, 0] = bid if usable else 0.0
    quote[i, 1] = ask if usable else 0.0


@njit(cache=True, inline="always")
def trade(
    clock: Int64, quote: Float64, paid: Float64, i: int, time: int, price: float, side: int, keep: Float64, t: int
) -> None:
    clock[i, TRADE] += 1
    bid, ask, cost, counts = quote[i, 0], quote[i, 1], 0.0, 0.0
    if side != 0 and bid != 0.0:
        cost, counts = 2e4 * side * ((price - bid) + (price - ask)) / (bid + ask), 1.0
        clock[i, LAST] = time
        if clock[i, FIRST] == 0:
            clock[i, FIRST] = time
    for h in range(H):
        paid[i, TOTAL, h] = keep[t, h] * paid[i, TOTAL, h] + cost
        paid[i, COUNT, h] = keep[t, h] * paid[i, COUNT, h] + counts


@njit(cache=True)
def read(params: Params, state: State, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    first, last = state.clock[i, FIRST], state.clock[i, LAST]
    absent = horizons.missing(state.clock[i, TRADE], state.clock[i, QUOTE])
    if absent == 0 and first == 0:
        absent = horizons.WARMING_UP
    for h in range(H):
        reason = absent if absent else horizons.aged(NS[h], time - first, time - last)
        write_share(out, why, k, h, state.paid[i, TOTAL, h], state.paid[i, COUNT, h], reason)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    clock, quote, paid = state.clock, state.quote, state.paid
    t, n_closes = 0, len(closes.position)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            if ticks.kind[t] == QUOTE:
                stand(clock, quote, ticks.symbol[t], ticks.bid[t], ticks.ask[t])
            else:
                i, time, price, side = ticks.symbol[t], ticks.time[t], ticks.price[t], ticks.side[t]
                trade(clock, quote, paid, i, time, price, side, ticks.keep, t)
            t += 1
        if k < n_closes:
            read(params, state, closes.symbol[k], closes.time[k], out, why, k)


_COLUMNS = tuple(
    Column(
        name=f"effective_spread_bps_{name}",
        formula=f"mean of 20,000 side (price - mid) / mid, weight exp(-age / {name})",
        source="Huang and Stoll (1996)",
        inputs=("price", "side", "bid", "ask"),
        driver=Driver.TRADE,
        window=0,
        warm_up=1,
        unit="bps",
        range=(-float("inf"), float("inf")),
        oracle="naive, in long double",
        params={"horizon_seconds": horizon / SECOND},
        edges="trades of unknown side or without a usable quote don't count; STALE after 10 horizons without one",
    )
    for name, horizon in zip(NAMES, HORIZONS)
)
register(Group("effective_spread", Family.MICROSTRUCTURE, Stage.TICKS, _COLUMNS, Params(HORIZONS), init, update, 2))
