"""Log returns of the mid and of the microprice over six horizons of event time.

The price now is compared with the one that stood at a grid time: with width w (100 ms, 1 s or 15 s) and close time T,
of the last usable quote before (floor(T / w) - buckets) * w. At closes on the grid that is exactly the horizon ago.
Quotes at the grid times are kept in rings, so the cost does not depend on how many quotes there were between.

The microprice weighs bid and ask by the size on the other side; with sizes 0 and 0 it is the mid.

Seed:   none.
Edges:  NO_QUOTES while the last quote is unusable; then the last usable one before the grid time counts.
Cost:   O(1) a quote (at most 64 slots a quiet stretch), 588 numbers a symbol. Bid and ask are kept, not the mid: their
        changes are exact, while a mid near 60,000 is rounded by 1e-9 of a 0.01 move.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.event_time import HORIZONS, NAMES, SECOND, H
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import write
from schema.ticks import QUOTE, Float64, Int64, UInt8

WIDTHS = (SECOND // 10, SECOND, 15 * SECOND)  # ns
RINGS = (0, 0, 1, 1, 2, 2)  # of each horizon
BUCKETS = tuple(horizon // WIDTHS[ring] for horizon, ring in zip(HORIZONS, RINGS))  # 60 at most
_WIDTHS, _RINGS, _BUCKETS = np.array(WIDTHS), np.array(RINGS), np.array(BUCKETS)  # tuples are slow to index
SLOTS = 64  # a power of two above the most buckets
N = len(WIDTHS)
SEEN, STANDS = N, N + 1  # of the clock
BID, ASK, LEAN = range(3)  # of a quote; LEAN: microprice - mid


class Params(NamedTuple):
    widths: tuple[int, ...]  # ns, a ring
    rings: tuple[int, ...]  # a horizon
    buckets: tuple[int, ...]


class State(NamedTuple):
    clock: Int64  # (S, rings + 2) ns of the first grid time that a ring does not hold yet; quotes; 1 if the last stands
    quote: Float64  # (S, 3) last usable quote, 0 before the first
    past: Float64  # (S, rings, SLOTS, 3) last usable quote before grid time g at slot g % SLOTS, 0 for none


def init(n_symbols: int, n_timeframes: int) -> State:
    quote, past = np.zeros((n_symbols, 3)), np.zeros((n_symbols, N, SLOTS, 3))
    return State(np.zeros((n_symbols, N + 2), np.int64), quote, past)


@njit(cache=True, inline="always")
def fill(past: Float64, clock: Int64, i: int, ring: int, width: int, time: int, quote: Float64) -> None:
    """Write the quote that stood into the ring's grid times up to now."""
    at = clock[i, ring]
    if time >= at:
        bid, ask, lean = quote[i, BID], quote[i, ASK], quote[i, LEAN]
        at = max(at, (time // width - SLOTS + 1) * width)
        slot = at // width
        while at <= time:
            past[i, ring, slot & (SLOTS - 1), BID] = bid
            past[i, ring, slot & (SLOTS - 1), ASK] = ask
            past[i, ring, slot & (SLOTS - 1), LEAN] = lean
            at, slot = at + width, slot + 1
        clock[i, ring] = at


@njit(cache=True, inline="always")
def apply(
    clock: Int64, quote: Float64, past: Float64, i: int, time: int,
    bid: float, bid_size: float, ask: float, ask_size: float,
) -> None:  # fmt: skip
    """Fill the grid times up to now with the quote that stood, then take the new one."""
    usable = not np.isnan(bid)
    clock[i, SEEN] += 1
    clock[i, STANDS] = 1 if usable else 0
    if usable:
        fill(past, clock, i, 0, WIDTHS[0], time, quote)
        fill(past, clock, i, 1, WIDTHS[1], time, quote)
        fill(past, clock, i, 2, WIDTHS[2], time, quote)
        depth, balance = bid_size + ask_size, bid_size - ask_size
        quote[i, BID], quote[i, ASK] = bid, ask
        quote[i, LEAN] = 0.5 * (ask - bid) * (balance / depth) if depth > 0.0 else 0.0


@njit(cache=True)
def read(clock: Int64, quote: Float64, past: Float64, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    bid, ask, lean, stands = quote[i, BID], quote[i, ASK], quote[i, LEAN], clock[i, STANDS] == 1
    for h in range(H):
        ring, then_bid, then_ask, then_lean = _RINGS[h], bid, ask, lean
        grid = time // _WIDTHS[ring] - _BUCKETS[h]
        if grid * _WIDTHS[ring] < clock[i, ring]:
            slot = grid & (SLOTS - 1)
            then_bid, then_ask = past[i, ring, slot, BID], past[i, ring, slot, ASK]
            then_lean = past[i, ring, slot, LEAN]
        reason = horizons.WARMING_UP if then_bid == 0.0 else 0
        if clock[i, SEEN] == 0 or (bid > 0.0 and not stands):
            reason = horizons.NO_QUOTES
        twice = then_bid + then_ask if then_bid > 0.0 else 1.0  # the mid
        moved, leant = (bid - then_bid) + (ask - then_ask), 2.0 * (lean - then_lean)
        mid, micro = (moved / twice, (moved + leant) / (twice + 2.0 * then_lean)) if reason == 0 else (0.0, 0.0)
        write(out, why, k, h, math.log1p(mid), reason)
        write(out, why, k, H + h, math.log1p(micro), reason)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    clock, quote, past = state.clock, state.quote, state.past
    t, n_closes = 0, len(closes.position)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            if ticks.kind[t] == QUOTE:
                i, time, bid, bid_size = ticks.symbol[t], ticks.time[t], ticks.bid[t], ticks.bid_size[t]
                apply(clock, quote, past, i, time, bid, bid_size, ticks.ask[t], ticks.ask_size[t])
            t += 1
        if k < n_closes:
            read(clock, quote, past, closes.symbol[k], closes.time[k], out, why, k)


_COLUMNS = tuple(
    Column(
        name=f"{price}_return_{name}",
        formula=f"log({price} / {price} that stood {name} before the close, on a grid of {WIDTHS[ring] / SECOND:g} s)",
        source=source,
        inputs=inputs,
        driver=Driver.SECOND,
        window=(horizon + WIDTHS[ring]) // SECOND,
        warm_up=horizon // SECOND + max(WIDTHS[ring] // SECOND, 1),
        unit="log return",
        range=(-math.inf, math.inf),
        oracle="naive, in long double",
        params={"width_seconds": WIDTHS[ring] / SECOND, "buckets": buckets},
        edges="NO_QUOTES while the last quote is unusable; an unusable one before is passed over",
    )
    for price, source, inputs in (
        ("mid", "Hasbrouck (2007)", ("bid", "ask")),
        ("microprice", "Gatheral and Oomen (2010)", ("bid", "bid_size", "ask", "ask_size")),
    )
    for name, horizon, ring, buckets in zip(NAMES, HORIZONS, RINGS, BUCKETS)
)
_PARAMS = Params(WIDTHS, RINGS, BUCKETS)
register(Group("mid_returns", Family.MICROSTRUCTURE, Stage.TICKS, _COLUMNS, _PARAMS, init, update, version=2))
