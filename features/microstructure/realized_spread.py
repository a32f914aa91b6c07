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
_WIDTHS, _DELAYS, _HORIZONS = np.array(WIDTHS), np.array(DELAYS), np.array(HORIZONS)  # tuples are slow to index
_OFFSETS, _MASKS = np.array(OFFSETS), np.array(MASKS)

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


@njit(cache=True, inline="always")
def appeared(
    quote: Float64, queue: Int64, slots: Float64, sums: Float64, i: int, d: int, time: int
) -> tuple[float, float, float, int, int]:
    """Return decayed sums (bps) of spread and impact, decayed count, last bucket and slots taken out, at `time`."""
    spread, impact, count = sums[i, d, SPREAD], sums[i, d, IMPACT], sums[i, d, COUNT]
    done, last, due = queue[i, d, TAKEN], queue[i, d, APPEARED], queue[i, d, DUE]
    while due <= time:
        slot = _OFFSETS[d] + (done & _MASKS[d])
        bucket, anchor = int(slots[i, slot, BUCKET]), slots[i, slot, ANCHOR]
        keep = kept((bucket - last) * _WIDTHS[d], _HORIZONS[d])
        moved = 0.5 * ((quote[i, BID] - anchor) + (quote[i, ASK] - anchor)) * slots[i, slot, UNITS]
        spread = keep * spread + 2e4 * (slots[i, slot, PAID] - moved)
        impact = keep * impact + 2e4 * (moved - slots[i, slot, SHIFTED])
        count = keep * count + slots[i, slot, TRADES]
        last = bucket
        done += 1
        due = due_at(queue, slots, i, d, done)
    return spread, impact, count, last, done


@njit(cache=True, inline="always")
def due_at(queue: Int64, slots: Float64, i: int, d: int, done: int) -> int:
    """Return when the first bucket is due once `done` were taken out."""
    if done == queue[i, d, PUT]:
        return NEVER
    return (int(slots[i, _OFFSETS[d] + (done & _MASKS[d]), BUCKET]) + _DELAYS[d]) * _WIDTHS[d]


@njit(cache=True)
def take_out(clock: Int64, quote: Float64, queue: Int64, slots: Float64, sums: Float64, i: int, time: int) -> None:
    """Take out what is due, with the quote that stood until now."""
    clock[i, NEXT] = NEVER
    for d in range(D):
        if queue[i, d, DUE] <= time:
            spread, impact, count, last, done = appeared(quote, queue, slots, sums, i, d, time)
            sums[i, d, SPREAD], sums[i, d, IMPACT], sums[i, d, COUNT] = spread, impact, count
            queue[i, d, APPEARED], queue[i, d, TAKEN] = last, done
            queue[i, d, DUE] = due_at(queue, slots, i, d, done)
        clock[i, NEXT] = min(clock[i, NEXT], queue[i, d, DUE])


@njit(cache=True, inline="always")
def begin(clock: Int64, queue: Int64, slots: Float64, i: int, d: int, time: int, anchor: float) -> None:
    """Put an empty bucket into a queue."""
    bucket, put = time // _WIDTHS[d], queue[i, d, PUT]
    slot, due = _OFFSETS[d] + (put & _MASKS[d]), (bucket + _DELAYS[d]) * _WIDTHS[d]
    slots[i, slot, BUCKET], slots[i, slot, ANCHOR] = bucket, anchor
    for part in range(PAID, TRADES + 1):
        slots[i, slot, part] = 0.0
    queue[i, d, PUT], queue[i, d, END] = put + 1, (bucket + 1) * _WIDTHS[d]
    queue[i, d, DUE] = min(queue[i, d, DUE], due)
    clock[i, NEXT] = min(clock[i, NEXT], due)


@njit(cache=True)
def hold(
    clock: Int64, quote: Float64, queue: Int64, slots: Float64, i: int, time: int, price: float, side: int
) -> None:
    """Put a trade into the bucket of its time."""
    bid, ask = quote[i, BID], quote[i, ASK]
    unit = side / (0.5 * (bid + ask))
    for d in range(D):
        if time >= queue[i, d, END]:
            begin(clock, queue, slots, i, d, time, bid)
        slot = _OFFSETS[d] + ((queue[i, d, PUT] - 1) & _MASKS[d])
        anchor = slots[i, slot, ANCHOR]
        slots[i, slot, PAID] += unit * (price - anchor)
        slots[i, slot, SHIFTED] += unit * (0.5 * ((bid - anchor) + (ask - anchor)))
        slots[i, slot, UNITS] += unit
        slots[i, slot, TRADES] += 1.0


@njit(cache=True)
def read(state: State, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    """Write the row of a close at `time`, with what is due by then; the state stays as it is."""
    missing = horizons.missing(state.clock[i, TRADE], state.clock[i, QUOTE])
    for d in range(D):
        spread, impact, count, last, _ = appeared(state.quote, state.queue, state.slots, state.sums, i, d, time)
        since = time - (last + _DELAYS[d]) * _WIDTHS[d]
        reason = horizons.aged(_HORIZONS[d], time - state.clock[i, FIRST], since)
        reason = missing if missing != 0 else horizons.WARMING_UP if last == 0 else reason
        write_share(out, why, k, d, spread, count, reason)
        write_share(out, why, k, D + d, impact, count, reason)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    clock, quote, queue, slots, sums = state.clock, state.quote, state.queue, state.slots, state.sums
    t, n_closes = 0, len(closes.position)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            i, kind, time = ticks.symbol[t], ticks.kind[t], ticks.time[t]
            if time >= clock[i, NEXT]:
                take_out(clock, quote, queue, slots, sums, i, time)
            clock[i, kind] += 1
            if kind == QUOTE:
                quote[i, STANDS] = 0.0 if np.isnan(ticks.bid[t]) else 1.0
                if not np.isnan(ticks.bid[t]):
                    quote[i, BID], quote[i, ASK] = ticks.bid[t], ticks.ask[t]
            elif ticks.side[t] != 0 and quote[i, STANDS] == 1.0:
                clock[i, FIRST] = time if clock[i, FIRST] == 0 else clock[i, FIRST]
                hold(clock, quote, queue, slots, i, time, ticks.price[t], ticks.side[t])
            t += 1
        if k < n_closes:
            read(state, closes.symbol[k], closes.time[k], out, why, k)


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
