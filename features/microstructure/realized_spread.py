"""Realized spread: what is left five seconds later of a trade's distance from the mid.

It is 2 side (price - later mid) / mid, averaged over trades with weights exp(-age / horizon). Trades of one tenth of a
second are held back together and compared with the mid that stands 5.1 s after its start: a trade appears 5.0 to 5.1 s
after it, and at most 51 such buckets wait, however many trades there are.

Seed:   the first trade of known side with a usable quote standing, once it appears.
Edges:  trades of unknown side, or without a usable quote, don't count; the later mid is the last usable one. STALE ten
        horizons after the last trade appeared; a pause of more than 50 horizons forgets what was before it.
Cost:   O(1) a tick, 330 numbers a symbol.
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

WIDTH, DELAY = SECOND // 10, 51  # ns; buckets from a bucket's own until it appears
SLOTS = 64  # a power of two above DELAY
TOTAL, COUNT = 0, 1
ANCHOR, PAID, UNITS, TRADES = range(4)  # of a bucket: a price, sum of side (price - anchor) / mid, of side / mid, count


class Params(NamedTuple):
    horizon: int  # ns


class State(NamedTuple):
    seen: Int64  # (S, 2) trades and quotes
    first: Int64  # (S,) ns, the first trade that counts
    quote: Float64  # (S, 2) bid and ask of the last usable quote, 0 before the first
    stands: UInt8  # (S,) whether the last quote is usable
    kept: Float64  # (S, 2) decayed sum in bps and decayed count of the trades that have appeared
    appeared: Int64  # (S,) bucket of the last of them, 0 before the first
    waiting: Int64  # (S, 2) buckets taken out and put in
    bucket: Int64  # (S, SLOTS) which tenth of a second
    content: Float64  # (S, SLOTS, 4)


def init(n_symbols: int, n_timeframes: int) -> State:
    shapes = ((2,), (), (), (2,), (SLOTS,))
    seen, first, appeared, waiting, bucket = (np.zeros((n_symbols, *shape), np.int64) for shape in shapes)
    quote, held, content = (np.zeros((n_symbols, *shape)) for shape in ((2,), (2,), (SLOTS, 4)))
    return State(seen, first, quote, np.zeros(n_symbols, np.uint8), held, appeared, waiting, bucket, content)


@njit(cache=True)
def realized_at(params: Params, state: State, i: int, time: int) -> tuple[float, float, int, int]:
    """Return decayed sum (bps), decayed count, last bucket and buckets taken out, as of `time`."""
    total, count, last = state.kept[i, TOTAL], state.kept[i, COUNT], state.appeared[i]
    done, bid, ask = state.waiting[i, 0], state.quote[i, 0], state.quote[i, 1]
    while done < state.waiting[i, 1] and (state.bucket[i, done & (SLOTS - 1)] + DELAY) * WIDTH <= time:
        bucket, held = state.bucket[i, done & (SLOTS - 1)], state.content[i, done & (SLOTS - 1)]
        keep = kept((bucket - last) * WIDTH, params.horizon)
        moved = 0.5 * ((bid - held[ANCHOR]) + (ask - held[ANCHOR]))
        total = keep * total + 2e4 * (held[PAID] - moved * held[UNITS])
        count = keep * count + held[TRADES]
        last = bucket
        done += 1
    return total, count, last, done


@njit(cache=True)
def hold(state: State, i: int, time: int, price: float, side: int) -> None:
    """Put a trade into the bucket of its tenth of a second."""
    bid, ask, at = state.quote[i, 0], state.quote[i, 1], state.waiting[i, 1]
    mid, bucket = 0.5 * (bid + ask), time // WIDTH
    if at == state.waiting[i, 0] or state.bucket[i, (at - 1) & (SLOTS - 1)] != bucket:
        state.bucket[i, at & (SLOTS - 1)] = bucket
        state.content[i, at & (SLOTS - 1), :] = 0.0
        state.content[i, at & (SLOTS - 1), ANCHOR] = bid
        at += 1
        state.waiting[i, 1] = at
    held = state.content[i, (at - 1) & (SLOTS - 1)]
    held[PAID] += side * (price - held[ANCHOR]) / mid
    held[UNITS] += side / mid
    held[TRADES] += 1.0


@njit(cache=True)
def appear(params: Params, state: State, i: int, time: int) -> None:
    """Take out what is due, with the quote that stood until now."""
    if state.waiting[i, 0] < state.waiting[i, 1]:
        total, count, last, done = realized_at(params, state, i, time)
        state.kept[i, TOTAL], state.kept[i, COUNT] = total, count
        state.appeared[i], state.waiting[i, 0] = last, done


@njit(cache=True)
def take(state: State, i: int, time: int, kind: int, price: float, side: int, bid: float, ask: float) -> None:
    state.seen[i, kind] += 1
    if kind == QUOTE:
        state.stands[i] = 0 if np.isnan(bid) else 1
        if state.stands[i] == 1:
            state.quote[i, 0], state.quote[i, 1] = bid, ask
    elif side != 0 and state.stands[i] == 1:
        state.first[i] = time if state.first[i] == 0 else state.first[i]
        hold(state, i, time, price, side)


@njit(cache=True)
def read(params: Params, state: State, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    """Write the row of a close at `time`, with what is due by then; the state stays as it is."""
    total, count, last, _ = realized_at(params, state, i, time)
    reason = horizons.missing(state.seen[i, TRADE], state.seen[i, QUOTE])
    if reason == 0 and last == 0:
        reason = horizons.WARMING_UP
    elif reason == 0:
        reason = horizons.aged(params.horizon, time - state.first[i], time - (last + DELAY) * WIDTH)
    write_share(out, why, k, 0, total, count, reason)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    t, n_closes = 0, len(closes.position)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            i, time, kind = ticks.symbol[t], ticks.time[t], ticks.kind[t]
            appear(params, state, i, time)
            take(state, i, time, kind, ticks.price[t], ticks.side[t], ticks.bid[t], ticks.ask[t])
            t += 1
        if k < n_closes:
            read(params, state, closes.symbol[k], closes.time[k], out, why, k)


_COLUMN = Column(
    name="realized_spread_bps_5s",
    formula="mean of 20,000 side (price - mid 5.0 to 5.1 s later) / mid, weight exp(-age / 1m)",
    source="Huang and Stoll (1996)",
    inputs=("price", "side", "bid", "ask"),
    driver=Driver.SECOND,
    window=0,
    warm_up=6,
    unit="bps",
    range=(-float("inf"), float("inf")),
    oracle="naive, in long double",
    params={"horizon_seconds": LONG / SECOND, "delay_seconds": DELAY * WIDTH / SECOND},
    edges="as effective_spread_bps_1m; the later mid is the last usable one",
)
register(Group("realized_spread", Family.MICROSTRUCTURE, Stage.TICKS, (_COLUMN,), Params(LONG), init, update))
