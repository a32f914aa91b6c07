"""Effective spread: how far from the mid trades were made, 2 side (price - mid) / mid.

Trades weigh by exp(-age / horizon); the sums stand as of the last trade, whose age cancels in the mean.

Seed:   the first trade of known side with a usable quote standing.
Edges:  trades of unknown side, or without a usable quote, don't count; STALE ten horizons after the last that does; a
        pause of more than 50 horizons forgets what was before it.
Cost:   O(1) a tick, 9 numbers a symbol.
Source: Huang and Stoll (1996), Dealer versus auction markets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.event_time import SECOND
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import LONG, kept, write_share
from schema.ticks import QUOTE, TRADE, Float64, Int64, UInt8

TOTAL, COUNT = 0, 1


class Params(NamedTuple):
    horizon: int  # ns


class State(NamedTuple):
    seen: Int64  # (S, 2) trades and quotes
    first: Int64  # (S,) ns, the first trade that counts; 0 before it
    last: Int64  # (S,) ns, the last one
    quote: Float64  # (S, 2) bid and ask that stand, 0 where the last quote is unusable
    paid: Float64  # (S, 2) decayed sum in bps and decayed count


def init(n_symbols: int, n_timeframes: int) -> State:
    seen, first, last = (np.zeros(shape, np.int64) for shape in ((n_symbols, 2), n_symbols, n_symbols))
    return State(seen, first, last, np.zeros((n_symbols, 2)), np.zeros((n_symbols, 2)))


@njit(cache=True)
def quote(state: State, i: int, bid: float, ask: float) -> None:
    state.seen[i, QUOTE] += 1
    usable = not np.isnan(bid)
    state.quote[i, 0] = bid if usable else 0.0
    state.quote[i, 1] = ask if usable else 0.0


@njit(cache=True)
def trade(params: Params, state: State, i: int, time: int, price: float, side: int) -> None:
    state.seen[i, TRADE] += 1
    bid, ask = state.quote[i, 0], state.quote[i, 1]
    if side == 0 or bid == 0.0:
        return
    keep = kept(time - state.last[i], params.horizon)
    paid = 2e4 * side * ((price - bid) + (price - ask)) / (bid + ask)
    state.paid[i, TOTAL] = keep * state.paid[i, TOTAL] + paid
    state.paid[i, COUNT] = keep * state.paid[i, COUNT] + 1.0
    state.last[i] = time
    if state.first[i] == 0:
        state.first[i] = time


@njit(cache=True)
def read(params: Params, state: State, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    reason = horizons.missing(state.seen[i, TRADE], state.seen[i, QUOTE])
    if reason == 0 and state.first[i] == 0:
        reason = horizons.WARMING_UP
    elif reason == 0:
        reason = horizons.aged(params.horizon, time - state.first[i], time - state.last[i])
    write_share(out, why, k, 0, state.paid[i, TOTAL], state.paid[i, COUNT], reason)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    t, n_closes = 0, len(closes.position)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            if ticks.kind[t] == QUOTE:
                quote(state, ticks.symbol[t], ticks.bid[t], ticks.ask[t])
            else:
                trade(params, state, ticks.symbol[t], ticks.time[t], ticks.price[t], ticks.side[t])
            t += 1
        if k < n_closes:
            read(params, state, closes.symbol[k], closes.time[k], out, why, k)


_COLUMN = Column(
    name="effective_spread_bps_1m",
    formula="mean of 20,000 side (price - mid) / mid, weight exp(-age / 1m)",
    source="Huang and Stoll (1996)",
    inputs=("price", "side", "bid", "ask"),
    driver=Driver.TRADE,
    window=0,
    warm_up=1,
    unit="bps",
    range=(-float("inf"), float("inf")),
    oracle="naive, in long double",
    params={"horizon_seconds": LONG / SECOND},
    edges="trades of unknown side or without a usable quote don't count; STALE after 10 horizons without one",
)
register(Group("effective_spread", Family.MICROSTRUCTURE, Stage.TICKS, (_COLUMN,), Params(LONG), init, update))
