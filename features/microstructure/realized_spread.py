"""Realized spread and price impact: what of a trade's distance from the mid is left a while later, and what the mid
has made up for.

The spread is 2 side (price - later mid) / mid, the impact 2 side (later mid - mid) / mid; they are averaged over trades
with weights exp(-age / horizon). Trades of one bucket of time are held back together and compared with the mid that
stands when the delay has passed since its end: at most 51 (5 s: of 100 ms) or 31 buckets wait, however many trades.

Seed:   the first trade of known side with a usable quote standing, once it appears.
Edges:  trades of unknown side, or without a usable quote, don't count; the later mid is the last usable one. STALE ten
        horizons after the last trade appeared; a pause of more than 50 horizons forgets what was before it.
Cost:   O(1) a tick, 807 numbers a symbol.
Source: Huang and Stoll (1996), Dealer versus auction markets.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.event_time import SECOND
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import kept, write_share
from schema.ticks import QUOTE, TRADE, Float64, Int64, UInt8

NAMES = ("5s", "30s", "1m", "5m")
D = len(NAMES)
WIDTHS = (SECOND // 10, 2 * SECOND, 4 * SECOND, 10 * SECOND)  # ns
DELAYS = (51, 16, 16, 31)  # buckets from a bucket's own until it appears
HORIZONS = (60 * SECOND, 60 * SECOND, 60 * SECOND, 300 * SECOND)
OFFSETS, MASKS = (0, 64, 80, 96), (63, 15, 15, 31)  # of each ring in the slots: powers of two, no fewer than waiting
SLOTS = 128

BUCKET, ANCHOR, PAID, SHIFTED, UNITS, TRADES = range(6)  # of a slot: number, a price, sums of side (price - anchor) /
# mid, side (mid - anchor) / mid and side / mid, count
TAKEN, PUT, DUE, END, APPEARED = range(5)  # of a queue: slots taken out and put in, ns when the first is due and the
# last is over, bucket of the last taken out
FIRST, NEXT = 2, 3  # of the clock, behind the numbers of trades and quotes
BID, ASK, STANDS = range(3)
SPREAD, IMPACT, COUNT = range(3)
NEVER = 1 << 62


class Params(NamedTuple):
    widths: tuple[int, ...]  # ns
    delays: tuple[int, ...]
    horizons: tuple[int, ...]  # ns


class State(NamedTuple):
    clock: Int64  # (S, 4) trades and quotes seen; ns of the first trade that counts, and of what is due next
    quote: Float64  # (S, 3) bid and ask of the last usable quote, 0 before the first; 1 while it stands
    queue: Int64  # (S, D, 5)
    slots: Float64  # (S, SLOTS, 6)
    sums: Float64  # (S, D, 3) decayed sums in bps and decayed count of the trades that have appeared


def init(n_symbols: int, n_timeframes: int) -> State:
    clock, queue = np.zeros((n_symbols, 4), np.int64), np.zeros((n_symbols, D, 5), np.int64)
    clock[:, NEXT], queue[:, :, DUE] = NEVER, NEVER
    quote, slots, sums = (np.zeros((n_symbols, *shape)) for shape in ((3,), (SLOTS, 6), (D, 3)))
    return State(clock, quote, queue, slots, sums)


@njit(cache=True)
def appeared(params: Params, state: State, i: int, d: int, time: int) -> tuple[float, float, float, int, int]:
    """Return decayed sums (bps) of spread and impact, decayed count, last bucket and slots taken out, at `time`."""
    spread, impact, count = state.sums[i, d, SPREAD], state.sums[i, d, IMPACT], state.sums[i, d, COUNT]
    done, put, last = state.queue[i, d, TAKEN], state.queue[i, d, PUT], state.queue[i, d, APPEARED]
    while done < put:
        slot = OFFSETS[d] + (done & MASKS[d])
        bucket, anchor = int(state.slots[i, slot, BUCKET]), state.slots[i, slot, ANCHOR]
        if (bucket + params.delays[d]) * params.widths[d] > time:
            break
        keep = kept((bucket - last) * params.widths[d], params.horizons[d])
        moved = 0.5 * ((state.quote[i, BID] - anchor) + (state.quote[i, ASK] - anchor)) * state.slots[i, slot, UNITS]
        spread = keep * spread + 2e4 * (state.slots[i, slot, PAID] - moved)
        impact = keep * impact + 2e4 * (moved - state.slots[i, slot, SHIFTED])
        count = keep * count + state.slots[i, slot, TRADES]
        last = bucket
        done += 1
    return spread, impact, count, last, done


@njit(cache=True)
def take_out(params: Params, state: State, i: int, time: int) -> None:
    """Take out what is due, with the quote that stood until now."""
    state.clock[i, NEXT] = NEVER
    for d in range(D):
        if state.queue[i, d, DUE] <= time:
            spread, impact, count, last, done = appeared(params, state, i, d, time)
            state.sums[i, d, SPREAD], state.sums[i, d, IMPACT], state.sums[i, d, COUNT] = spread, impact, count
            state.queue[i, d, APPEARED], state.queue[i, d, TAKEN], state.queue[i, d, DUE] = last, done, NEVER
            if done < state.queue[i, d, PUT]:
                bucket = int(state.slots[i, OFFSETS[d] + (done & MASKS[d]), BUCKET])
                state.queue[i, d, DUE] = (bucket + params.delays[d]) * params.widths[d]
        state.clock[i, NEXT] = min(state.clock[i, NEXT], state.queue[i, d, DUE])


@njit(cache=True)
def begin(params: Params, state: State, i: int, d: int, time: int) -> None:
    """Put an empty bucket into a queue."""
    bucket, put = time // params.widths[d], state.queue[i, d, PUT]
    slot, due = OFFSETS[d] + (put & MASKS[d]), (bucket + params.delays[d]) * params.widths[d]
    state.slots[i, slot, BUCKET], state.slots[i, slot, ANCHOR] = bucket, state.quote[i, BID]
    for part in range(PAID, TRADES + 1):
        state.slots[i, slot, part] = 0.0
    state.queue[i, d, PUT], state.queue[i, d, END] = put + 1, (bucket + 1) * params.widths[d]
    state.queue[i, d, DUE] = min(state.queue[i, d, DUE], due)
    state.clock[i, NEXT] = min(state.clock[i, NEXT], due)


@njit(cache=True)
def hold(params: Params, state: State, i: int, time: int, price: float, side: int) -> None:
    """Put a trade into the bucket of its time."""
    bid, ask = state.quote[i, BID], state.quote[i, ASK]
    unit = side / (0.5 * (bid + ask))
    for d in range(D):
        if time >= state.queue[i, d, END]:
            begin(params, state, i, d, time)
        slot = OFFSETS[d] + ((state.queue[i, d, PUT] - 1) & MASKS[d])
        anchor = state.slots[i, slot, ANCHOR]
        state.slots[i, slot, PAID] += unit * (price - anchor)
        state.slots[i, slot, SHIFTED] += unit * (0.5 * ((bid - anchor) + (ask - anchor)))
        state.slots[i, slot, UNITS] += unit
        state.slots[i, slot, TRADES] += 1.0


@njit(cache=True)
def take(params: Params, state: State, i: int, ticks: TickInputs, t: int) -> None:
    kind, time, side = ticks.kind[t], ticks.time[t], ticks.side[t]
    if time >= state.clock[i, NEXT]:
        take_out(params, state, i, time)
    state.clock[i, kind] += 1
    if kind == QUOTE:
        state.quote[i, STANDS] = 0.0 if np.isnan(ticks.bid[t]) else 1.0
        if not np.isnan(ticks.bid[t]):
            state.quote[i, BID], state.quote[i, ASK] = ticks.bid[t], ticks.ask[t]
    elif side != 0 and state.quote[i, STANDS] == 1.0:
        state.clock[i, FIRST] = time if state.clock[i, FIRST] == 0 else state.clock[i, FIRST]
        hold(params, state, i, time, ticks.price[t], side)


@njit(cache=True)
def read(params: Params, state: State, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    """Write the row of a close at `time`, with what is due by then; the state stays as it is."""
    missing = horizons.missing(state.clock[i, TRADE], state.clock[i, QUOTE])
    for d in range(D):
        spread, impact, count, last, _ = appeared(params, state, i, d, time)
        since = time - (last + params.delays[d]) * params.widths[d]
        reason = horizons.aged(params.horizons[d], time - state.clock[i, FIRST], since)
        reason = missing if missing != 0 else horizons.WARMING_UP if last == 0 else reason
        write_share(out, why, k, d, spread, count, reason)
        write_share(out, why, k, D + d, impact, count, reason)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    t, n_closes = 0, len(closes.position)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            take(params, state, ticks.symbol[t], ticks, t)
            t += 1
        if k < n_closes:
            read(params, state, closes.symbol[k], closes.time[k], out, why, k)


def _column(name: str, formula: str, delay: str, width: int, buckets: int, horizon: int) -> Column:
    most = buckets * width / SECOND
    return Column(
        name=f"{name}_{delay}",
        formula=f"mean of 20,000 {formula}, weight exp(-age / {horizon // SECOND} s); later: {delay} to {most:g} s",
        source="Huang and Stoll (1996)",
        inputs=("price", "side", "bid", "ask"),
        driver=Driver.SECOND,
        window=0,
        warm_up=math.ceil(most),
        unit="bps",
        range=(-float("inf"), float("inf")),
        oracle="naive, in long double",
        params={"horizon_seconds": horizon / SECOND, "delay_seconds": most},
        edges="as effective_spread_bps_1m; the later mid is the last usable one",
    )


_COLUMNS = tuple(
    _column(name, formula, *row)
    for name, formula in (
        ("realized_spread_bps", "side (price - later mid) / mid"),
        ("price_impact_bps", "side (later mid - mid) / mid"),
    )
    for row in zip(NAMES, WIDTHS, DELAYS, HORIZONS)
)
_PARAMS = Params(WIDTHS, DELAYS, HORIZONS)
register(Group("realized_spread", Family.MICROSTRUCTURE, Stage.TICKS, _COLUMNS, _PARAMS, init, update, version=2))
