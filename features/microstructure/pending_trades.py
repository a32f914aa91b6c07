"""Trades that wait until a delay has passed, to be compared with the mid that stands then.

Trades of one bucket of time wait together, in a ring a delay: at most DELAYS of them, however many trades there are. A
bucket holds its prices as distances from one of them, the anchor, and is due DELAYS buckets after its own.

Seed:   none.
Edges:  a bucket that is due while no quote is usable meets the last usable one.
Cost:   O(delays) a trade, 807 numbers a symbol.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.event_time import SECOND
from features.microstructure.horizons import kept
from schema.ticks import Float64, Int64

NAMES = ("5s", "30s", "1m", "5m")
D = len(NAMES)
WIDTHS = (SECOND // 10, 2 * SECOND, 4 * SECOND, 10 * SECOND)  # ns
DELAYS = (51, 16, 16, 31)  # buckets from a bucket's own until it appears
HORIZONS = (60 * SECOND, 60 * SECOND, 60 * SECOND, 300 * SECOND)
OFFSETS, MASKS = (0, 64, 80, 96), (63, 15, 15, 31)  # of each ring in the slots: powers of two, no fewer than waiting
SLOTS = 128
NS, BUCKETS, MEMORY = np.array(WIDTHS), np.array(DELAYS), np.array(HORIZONS)  # tuples are slow to index
_OFFSETS, _MASKS = np.array(OFFSETS), np.array(MASKS)

BUCKET, ANCHOR, PAID, SHIFTED, UNITS, TRADES = range(6)  # of a slot: number, a price, sums of side (price - anchor) /
# mid, side (mid - anchor) / mid and side / mid, count
TAKEN, PUT, DUE, END, APPEARED = range(5)  # of a queue: slots taken out and put in, ns when the first is due and the
# last is over, bucket of the last taken out
FIRST, NEXT = 2, 3  # of the clock, behind the numbers of trades and quotes
BID, ASK, STANDS = range(3)
SPREAD, IMPACT, COUNT = range(3)
NEVER = 1 << 62


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
        keep = kept((bucket - last) * NS[d], MEMORY[d])
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
    due: int = (int(slots[i, _OFFSETS[d] + (done & _MASKS[d]), BUCKET]) + BUCKETS[d]) * NS[d]
    return due


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
    bucket, put = time // NS[d], queue[i, d, PUT]
    slot, due = _OFFSETS[d] + (put & _MASKS[d]), (bucket + BUCKETS[d]) * NS[d]
    slots[i, slot, BUCKET], slots[i, slot, ANCHOR] = bucket, anchor
    for part in range(PAID, TRADES + 1):
        slots[i, slot, part] = 0.0
    queue[i, d, PUT], queue[i, d, END] = put + 1, (bucket + 1) * NS[d]
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
