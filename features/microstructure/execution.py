"""What trades cost: effective spread at the trade, realized spread five seconds after it.

Effective is 2 side (price - mid) / mid at the trade, realized 2 side (price - later mid) / mid. Trades of one tenth
of a second are held back together and compared with the mid that stands 5.1 s after its start: a trade appears 5.0 to
5.1 s after it, and at most 51 such buckets wait, however many trades there are.

Seed:   the first trade of known side with a usable quote standing.
Edges:  trades of unknown side, or without a usable quote, don't count; the later mid is the last usable one. STALE ten
        minutes after the last trade (realized: after its trades appeared). A pause of more than 50 minutes forgets.
Cost:   O(1) a tick, 270 numbers a symbol.
Source: Huang and Stoll (1996), Dealer versus auction markets.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import LONG, SECOND, kept, write_share
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
    last: Int64  # (S,) ns, the last one
    quote: Float64  # (S, 2) bid and ask of the last usable quote, 0 before the first
    stands: UInt8  # (S,) whether the last quote is usable
    effective: Float64  # (S, 2) decayed sum in bps and decayed count
    realized: Float64  # (S, 2) the same of the trades that have appeared
    appeared: Int64  # (S,) bucket of the last ones
    waiting: Int64  # (S, 2) buckets taken out and put in
    bucket: Int64  # (S, SLOTS) which tenth of a second
    content: Float64  # (S, SLOTS, 4)


def init(n_symbols: int, n_timeframes: int) -> State:
    def counts(*shape: int) -> Int64:
        return np.zeros((n_symbols, *shape), np.int64)

    def sums(*shape: int) -> Float64:
        return np.zeros((n_symbols, *shape))

    return State(
        counts(2), counts(), counts(), sums(2), np.zeros(n_symbols, np.uint8), sums(2), sums(2), counts(), counts(2),
        counts(SLOTS), sums(SLOTS, 4),
    )  # fmt: skip


@njit(cache=True)
def realized_at(params: Params, state: State, i: int, time: int) -> tuple[float, float, int, int]:
    """Return decayed sum (bps), decayed count, last bucket and buckets taken out, as of `time`."""
    total, count, last = state.realized[i, TOTAL], state.realized[i, COUNT], state.appeared[i]
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
def trade(params: Params, state: State, i: int, time: int, price: float, side: int) -> None:
    bid, ask = state.quote[i, 0], state.quote[i, 1]
    if side == 0 or state.stands[i] == 0:
        return
    if state.first[i] == 0:
        state.first[i] = time
    keep = kept(time - state.last[i], params.horizon)
    paid = 2e4 * side * ((price - bid) + (price - ask)) / (bid + ask)
    state.effective[i, TOTAL] = keep * state.effective[i, TOTAL] + paid
    state.effective[i, COUNT] = keep * state.effective[i, COUNT] + 1.0
    state.last[i] = time
    hold(state, i, time, price, side)


@njit(cache=True)
def apply(params: Params, state: State, ticks: TickInputs, t: int) -> None:
    """Let appear what is due, with the quote that stood until now; then take the tick."""
    i, time, kind = ticks.symbol[t], ticks.time[t], ticks.kind[t]
    if state.waiting[i, 0] < state.waiting[i, 1]:
        total, count, last, done = realized_at(params, state, i, time)
        state.realized[i, TOTAL], state.realized[i, COUNT] = total, count
        state.appeared[i], state.waiting[i, 0] = last, done
    state.seen[i, kind] += 1
    if kind == TRADE:
        trade(params, state, i, time, ticks.price[t], ticks.side[t])
        return
    state.stands[i] = 0 if np.isnan(ticks.bid[t]) else 1
    if state.stands[i] == 1:
        state.quote[i, 0], state.quote[i, 1] = ticks.bid[t], ticks.ask[t]


@njit(cache=True)
def read(params: Params, state: State, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    reason, age = horizons.WARMING_UP, time - state.first[i]
    if state.seen[i, QUOTE] == 0:
        reason = horizons.NO_QUOTES
    elif state.seen[i, TRADE] == 0:
        reason = horizons.NO_TRADES
    elif state.first[i] > 0:
        reason = horizons.aged(params.horizon, age, time - state.last[i])
    write_share(out, why, k, 0, state.effective[i, TOTAL], state.effective[i, COUNT], reason)
    total, count, last, _ = realized_at(params, state, i, time)
    if last > 0:
        reason = horizons.aged(params.horizon, age, time - (last + DELAY) * WIDTH)
    elif state.first[i] > 0:
        reason = horizons.WARMING_UP
    write_share(out, why, k, 1, total, count, reason)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    t, n_closes = 0, len(closes.position)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            apply(params, state, ticks, t)
            t += 1
        if k < n_closes:
            read(params, state, closes.symbol[k], closes.time[k], out, why, k)


_column = partial(
    Column,
    source="Huang and Stoll (1996)",
    inputs=("price", "side", "bid", "ask"),
    window=0,
    unit="bps",
    range=(-float("inf"), float("inf")),
    oracle="naive, in long double",
    params={"horizon_seconds": LONG / SECOND},
)
register(
    Group(
        name="execution",
        family=Family.MICROSTRUCTURE,
        stage=Stage.TICKS,
        columns=(
            _column(
                name="effective_spread_bps_1m",
                formula="mean of 20,000 side (price - mid) / mid, weight exp(-age / 1m)",
                driver=Driver.TRADE,
                warm_up=1,
                edges="trades of unknown side or without a usable quote don't count; STALE after 10 minutes",
            ),
            _column(
                name="realized_spread_bps_5s",
                formula="mean of 20,000 side (price - mid 5.0 to 5.1 s later) / mid, weight exp(-age / 1m)",
                driver=Driver.SECOND,
                warm_up=6,
                edges="as effective_spread_bps_1m; the later mid is the last usable one",
            ),
        ),
        params=Params(LONG),
        init=init,
        update=update,
    )
)
