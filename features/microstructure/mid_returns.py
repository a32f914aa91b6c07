"""Log return of the mid over the last 5 seconds and the last minute of event time.

The mid now is compared with the one that stood at a grid time: with width w (100 ms or 1 s) and close time T, the
last usable quote before (floor(T / w) - buckets) * w. At closes on the grid that is exactly 5 s or 60 s ago. Quotes
at the grid times are kept in a ring, so the cost does not depend on how many quotes there were between.

Seed:   none.
Edges:  NO_QUOTES while the last quote is unusable; then the last usable one before the grid time counts.
Cost:   O(1) a quote (at most 64 slots a quiet stretch), 263 numbers a symbol. Bid and ask are kept, not the mid: their
        changes are exact, while a mid near 60,000 is rounded by 1e-9 of a 0.01 move.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import SECOND, write

NAMES = ("5s", "1m")
from schema.ticks import QUOTE, Float64, Int64, UInt8

WIDTHS = (SECOND // 10, SECOND)  # ns
BUCKETS = (50, 60)
SLOTS = 64  # a power of two above the most buckets
N = len(BUCKETS)


class Params(NamedTuple):
    widths: tuple[int, ...]  # ns
    buckets: tuple[int, ...]


class State(NamedTuple):
    seen: Int64  # (S,) quotes
    stands: UInt8  # (S,) whether the last quote is usable
    bid: Float64  # (S,) last usable quote, 0 before the first
    ask: Float64  # (S,)
    last: Int64  # (S, horizons) the last grid time that the rings hold, in widths
    past_bid: Float64  # (S, horizons, SLOTS) last usable quote before grid time g at slot g % SLOTS, 0 for none
    past_ask: Float64  # (S, horizons, SLOTS)


def init(n_symbols: int, n_timeframes: int) -> State:
    past_bid, past_ask = (np.zeros((n_symbols, N, SLOTS)) for _ in range(2))
    return State(
        np.zeros(n_symbols, np.int64),
        np.zeros(n_symbols, np.uint8),
        np.zeros(n_symbols),
        np.zeros(n_symbols),
        np.zeros((n_symbols, N), np.int64),
        past_bid,
        past_ask,
    )


@njit(cache=True)
def apply(params: Params, state: State, i: int, time: int, bid: float, ask: float) -> None:
    """Fill the grid times up to now with the quote that stood, then take the new one."""
    state.seen[i] += 1
    state.stands[i] = 0 if np.isnan(bid) else 1
    if np.isnan(bid):
        return
    for h in range(N):
        grid = time // params.widths[h]
        for g in range(max(state.last[i, h] + 1, grid - SLOTS + 1), grid + 1):
            state.past_bid[i, h, g & (SLOTS - 1)] = state.bid[i]
            state.past_ask[i, h, g & (SLOTS - 1)] = state.ask[i]
        state.last[i, h] = grid
    state.bid[i], state.ask[i] = bid, ask


@njit(cache=True)
def read(params: Params, state: State, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    bid, ask = state.bid[i], state.ask[i]
    for h in range(N):
        grid = time // params.widths[h] - params.buckets[h]
        then_bid, then_ask = bid, ask
        if grid <= state.last[i, h]:
            then_bid, then_ask = state.past_bid[i, h, grid & (SLOTS - 1)], state.past_ask[i, h, grid & (SLOTS - 1)]
        if state.seen[i] == 0 or (bid > 0.0 and state.stands[i] == 0):
            write(out, why, k, h, 0.0, horizons.NO_QUOTES)
        elif then_bid == 0.0:
            write(out, why, k, h, 0.0, horizons.WARMING_UP)
        else:
            moved = ((bid - then_bid) + (ask - then_ask)) / (then_bid + then_ask)
            write(out, why, k, h, math.log1p(moved), 0)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    t, n_closes = 0, len(closes.position)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            if ticks.kind[t] == QUOTE:
                apply(params, state, ticks.symbol[t], ticks.time[t], ticks.bid[t], ticks.ask[t])
            t += 1
        if k < n_closes:
            read(params, state, closes.symbol[k], closes.time[k], out, why, k)


register(
    Group(
        name="mid_returns",
        family=Family.MICROSTRUCTURE,
        stage=Stage.TICKS,
        columns=tuple(
            Column(
                name=f"mid_return_{name}",
                formula=f"log(mid / mid that stood {name} before the close, on a grid of {width / SECOND:g} s)",
                source="Hasbrouck (2007)",
                inputs=("bid", "ask"),
                driver=Driver.SECOND,
                window=buckets * width // SECOND,
                warm_up=buckets * width // SECOND + 1,
                unit="log return",
                range=(-math.inf, math.inf),
                oracle="naive, in long double",
                params={"width_seconds": width / SECOND, "buckets": buckets},
                edges="NO_QUOTES while the last quote is unusable; an unusable one before is passed over",
            )
            for name, width, buckets in zip(NAMES, WIDTHS, BUCKETS)
        ),
        params=Params(WIDTHS, BUCKETS),
        init=init,
        update=update,
    )
)
