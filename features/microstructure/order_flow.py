"""Order-flow imbalance at the best quotes: what was added to the bid and taken from the ask, as a share of the depth.

    e_n = [b_n >= b_n-1] B_n - [b_n <= b_n-1] B_n-1 - [a_n <= a_n-1] A_n + [a_n >= a_n-1] A_n-1

of successive usable quotes; the share is sum(e) / sum(B_n + B_n-1 + A_n + A_n-1), weights exp(-age / horizon).

Seed:   the second usable quote.
Edges:  unusable quotes are passed over; EDGE without any depth; STALE ten horizons after the last usable quote; a
        pause of more than 50 horizons forgets what was before it.
Cost:   O(horizons + timeframes) a quote, 20 numbers a symbol and 2 a series.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.event_time import HORIZONS, NAMES, NS, SECOND, H
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import write_share
from schema.ticks import QUOTE, Float64, Int64, UInt8

FLOW, DEPTH = 0, 1
SEEN, USABLE, FIRST, LAST = range(4)  # of the clock
BID, BID_SIZE, ASK, ASK_SIZE = range(4)


class Params(NamedTuple):
    horizons: tuple[int, ...]  # ns


class State(NamedTuple):
    clock: Int64  # (S, 4) quotes, usable ones among them; ns of the first event and of the last usable quote
    quote: Float64  # (S, 4) the last usable quote
    decayed: Float64  # (S, 2, H) flow and depth
    bar: Float64  # (series, 2) flow and depth of the open bar


def init(n_symbols: int, n_timeframes: int) -> State:
    clock, quote, decayed = np.zeros((n_symbols, 4), np.int64), np.zeros((n_symbols, 4)), np.zeros((n_symbols, 2, H))
    return State(clock, quote, decayed, np.zeros((n_symbols * n_timeframes, 2)))


@njit(cache=True, inline="always")
def flow_of(before: Float64, i: int, bid: float, bid_size: float, ask: float, ask_size: float) -> float:
    """Return e_n of a quote and the one before it."""
    flow = bid_size if bid >= before[i, BID] else 0.0
    flow -= before[i, BID_SIZE] if bid <= before[i, BID] else 0.0
    flow -= ask_size if ask <= before[i, ASK] else 0.0
    return flow + (before[i, ASK_SIZE] if ask >= before[i, ASK] else 0.0)


@njit(cache=True, inline="always")
def decay(decayed: Float64, i: int, flow: float, depth: float, keep: Float64, t: int) -> None:
    for h in range(H):
        decayed[i, FLOW, h] = keep[t, h] * decayed[i, FLOW, h] + flow
        decayed[i, DEPTH, h] = keep[t, h] * decayed[i, DEPTH, h] + depth


@njit(cache=True, inline="always")
def count_in(clock: Int64, i: int, time: int, usable: bool) -> None:
    clock[i, SEEN] += 1
    if usable:
        clock[i, FIRST] = time if clock[i, USABLE] == 1 else clock[i, FIRST]
        clock[i, USABLE] += 1
        clock[i, LAST] = time


@njit(cache=True, inline="always")
def add(bar: Float64, i: int, n_timeframes: int, flow: float, depth: float) -> None:
    """Add an event to the open bars."""
    for j in range(i * n_timeframes, (i + 1) * n_timeframes):
        bar[j, FLOW] += flow
        bar[j, DEPTH] += depth


@njit(cache=True, inline="always")
def take(quote: Float64, i: int, bid: float, bid_size: float, ask: float, ask_size: float) -> None:
    quote[i, BID], quote[i, BID_SIZE], quote[i, ASK], quote[i, ASK_SIZE] = bid, bid_size, ask, ask_size


@njit(cache=True)
def read(params: Params, state: State, i: int, timeframe: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    """Write the row of a close and begin the next bar."""
    first, last = state.clock[i, FIRST], state.clock[i, LAST]
    seen, usable = state.clock[i, SEEN], state.clock[i, USABLE]
    reason = 0 if usable > 1 else horizons.WARMING_UP if seen > 0 else horizons.NO_QUOTES
    for h in range(H):
        age = horizons.aged(NS[h], time - first, time - last) if reason == 0 else reason
        write_share(out, why, k, h, state.decayed[i, FLOW, h], state.decayed[i, DEPTH, h], age)
    j = i * (len(state.bar) // len(state.clock)) + timeframe
    write_share(out, why, k, H, state.bar[j, FLOW], state.bar[j, DEPTH], reason)
    state.bar[j, FLOW], state.bar[j, DEPTH] = 0.0, 0.0


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    clock, quote, decayed, bar = state.clock, state.quote, state.decayed, state.bar
    t, n_closes, n_timeframes = 0, len(closes.position), len(bar) // len(clock)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            if ticks.kind[t] == QUOTE:
                i, bid, bid_size, flow, depth = ticks.symbol[t], ticks.bid[t], ticks.bid_size[t], 0.0, 0.0
                ask, ask_size, usable = ticks.ask[t], ticks.ask_size[t], not np.isnan(bid)
                if usable and clock[i, USABLE] > 0:
                    flow = flow_of(quote, i, bid, bid_size, ask, ask_size)
                    depth = bid_size + ask_size + quote[i, BID_SIZE] + quote[i, ASK_SIZE]
                    add(bar, i, n_timeframes, flow, depth)
                decay(decayed, i, flow, depth, ticks.keep, t)
                count_in(clock, i, ticks.time[t], usable)
                if usable:
                    take(quote, i, bid, bid_size, ask, ask_size)
            t += 1
        if k < n_closes:
            read(params, state, closes.symbol[k], closes.timeframe[k], closes.time[k], out, why, k)


_column = partial(
    Column,
    source="Cont, Kukanov and Stoikov (2014)",
    inputs=("bid", "bid_size", "ask", "ask_size"),
    driver=Driver.QUOTE,
    window=0,
    warm_up=2,
    unit="ratio",
    range=(-1.0, 1.0),
    oracle="naive, in long double",
    ties="an unchanged price counts on both sides",
)
register(
    Group(
        name="order_flow",
        family=Family.MICROSTRUCTURE,
        stage=Stage.TICKS,
        columns=(
            *(
                _column(
                    name=f"order_flow_imbalance_{name}",
                    formula=f"sum of e / sum of depths of successive quotes, weight exp(-age / {name})",
                    params={"horizon_seconds": horizon / SECOND},
                    edges="no depth: undefined; STALE 10 horizons after the last usable quote",
                )
                for name, horizon in zip(NAMES, HORIZONS)
            ),
            _column(
                name="bar_order_flow_imbalance",
                formula="sum of e / sum of depths of successive quotes over the bar's quotes",
                edges="bar without an event: undefined",
            ),
        ),
        params=Params(HORIZONS),
        init=init,
        update=update,
        version=2,
    )
)
