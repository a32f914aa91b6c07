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
SLOTS = 64  # a power of two above the most buckets
N = len(WIDTHS)
BID, ASK, LEAN = range(3)  # of a quote; LEAN: microprice - mid


class Params(NamedTuple):
    widths: tuple[int, ...]  # ns, a ring
    rings: tuple[int, ...]  # a horizon
    buckets: tuple[int, ...]


class State(NamedTuple):
    seen: Int64  # (S,) quotes
    stands: UInt8  # (S,) whether the last quote is usable
    quote: Float64  # (S, 3) last usable quote, 0 before the first
    due: Int64  # (S, rings) ns of the first grid time that a ring does not hold yet
    past: Float64  # (S, rings, SLOTS, 3) last usable quote before grid time g at slot g % SLOTS, 0 for none


def init(n_symbols: int, n_timeframes: int) -> State:
    stands, due = np.zeros(n_symbols, np.uint8), np.zeros((n_symbols, N), np.int64)
    past = np.zeros((n_symbols, N, SLOTS, 3))
    return State(np.zeros(n_symbols, np.int64), stands, np.zeros((n_symbols, 3)), due, past)


@njit(cache=True)
def fill(state: State, i: int, ring: int, width: int, time: int) -> None:
    """Write the quote that stood into the ring's grid times up to now."""
    grid = time // width
    bid, ask, lean = state.quote[i, BID], state.quote[i, ASK], state.quote[i, LEAN]
    for g in range(max(state.due[i, ring] // width, grid - SLOTS + 1), grid + 1):
        slot = g & (SLOTS - 1)
        state.past[i, ring, slot, BID], state.past[i, ring, slot, ASK] = bid, ask
        state.past[i, ring, slot, LEAN] = lean
    state.due[i, ring] = (grid + 1) * width


@njit(cache=True)
def apply(params: Params, state: State, i: int, ticks: TickInputs, t: int) -> None:
    """Fill the grid times up to now with the quote that stood, then take the new one."""
    time, bid, ask = ticks.time[t], ticks.bid[t], ticks.ask[t]
    state.seen[i] += 1
    state.stands[i] = 0 if np.isnan(bid) else 1
    if np.isnan(bid):
        return
    for ring in range(N):
        if time >= state.due[i, ring]:
            fill(state, i, ring, params.widths[ring], time)
    depth, balance = ticks.bid_size[t] + ticks.ask_size[t], ticks.bid_size[t] - ticks.ask_size[t]
    state.quote[i, BID], state.quote[i, ASK] = bid, ask
    state.quote[i, LEAN] = 0.5 * (ask - bid) * (balance / depth) if depth > 0.0 else 0.0


@njit(cache=True)
def read(params: Params, state: State, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    now = state.quote[i]
    for h in range(H):
        ring, then = params.rings[h], now
        grid = time // params.widths[ring] - params.buckets[h]
        if grid * params.widths[ring] < state.due[i, ring]:
            then = state.past[i, ring, grid & (SLOTS - 1)]
        reason = horizons.WARMING_UP if then[BID] == 0.0 else 0
        if state.seen[i] == 0 or (now[BID] > 0.0 and state.stands[i] == 0):
            reason = horizons.NO_QUOTES
        twice = then[BID] + then[ASK] if reason == 0 else 1.0  # the mid
        moved = (now[BID] - then[BID]) + (now[ASK] - then[ASK]) if reason == 0 else 0.0
        leant = 2.0 * (now[LEAN] - then[LEAN]) if reason == 0 else 0.0
        write(out, why, k, h, math.log1p(moved / twice), reason)
        write(out, why, k, H + h, math.log1p((moved + leant) / (twice + 2.0 * then[LEAN])), reason)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    t, n_closes = 0, len(closes.position)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            if ticks.kind[t] == QUOTE:
                apply(params, state, ticks.symbol[t], ticks, t)
            t += 1
        if k < n_closes:
            read(params, state, closes.symbol[k], closes.time[k], out, why, k)


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
