"""Volume-synchronised probability of informed trading: how one-sided the last 50 buckets of equal volume were.

A bucket holds 1/50 of the volume of the session before, counted from that session's first close to the next one's; in
a series' first session, whose values are masked, of its volume so far. A session begins with a bar that starts on
another UTC day than the bar before, or 5 minutes and more after its close: the kernel knows when it closes. The open
bucket is then given up; the full ones stay. A trade is a buy or a sale by the tick rule and fills as many buckets as
it is large.

Seed:   WARMING_UP until a session with volume has passed; volume before the first change of price has no side.
Edges:  a session without volume is passed over: the bucket keeps its size.
Cost:   O(timeframes) a trade and 50 buckets at most, 500 bytes a series.
Source: Easley, Lopez de Prado and O'Hara (2012), with the tick rule for their bulk classification.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import SECOND, write
from features.sessions import DAY
from features.ties import TIE
from schema.ticks import TRADE, Float64, Int64, UInt8

BUCKETS = 50
PAUSE = 300 * SECOND  # ns
SIZE, FILLED, FLOW, TODAY, BEFORE, PRICE, SIDE, SIGNED, ONE_SIDED = range(9)
DONE, START, CLOSE = range(3)


class Params(NamedTuple):
    buckets: int
    pause: int  # ns


class State(NamedTuple):
    seen: UInt8  # (S,) unused: its length tells the number of timeframes
    bucket: Float64  # (series, 9) the open bucket, volumes of two sessions, the tick rule, sums over the full buckets
    full: Float64  # (series, BUCKETS) (bought - sold) / volume of the last full ones
    times: Int64  # (series, 3) how many were filled; ns of the last bar's start and close


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(np.zeros(n_symbols, np.uint8), np.zeros((n, 9)), np.zeros((n, BUCKETS)), np.zeros((n, 3), np.int64))


@njit(cache=True)
def fill(b: Float64, full: Float64, times: Int64, share: float) -> None:
    """Close the open bucket."""
    slot = times[DONE] % BUCKETS
    b[SIGNED] += share - full[slot]
    b[ONE_SIDED] += abs(share) - abs(full[slot])
    full[slot] = share
    times[DONE] += 1
    if slot == 0:
        b[SIGNED] = b[ONE_SIDED] = 0.0
        for value in full:
            b[SIGNED] += value
            b[ONE_SIDED] += abs(value)
    b[SIZE] = b[FILLED] = b[FLOW] = 0.0


@njit(cache=True)
def trade(b: Float64, full: Float64, times: Int64, price: float, size: float) -> None:
    if b[PRICE] != 0.0 and abs(price - b[PRICE]) > TIE * price:
        b[SIDE] = 1.0 if price > b[PRICE] else -1.0
    b[PRICE] = price
    b[TODAY] += size
    fresh = (b[BEFORE] if b[BEFORE] > 0.0 else b[TODAY]) / BUCKETS
    if size > 2.0 * BUCKETS * fresh:  # all full buckets will be of this trade
        size -= fresh * (np.floor(size / fresh) - 2.0 * BUCKETS)
    least = TIE * size
    while size > least:
        if b[SIZE] == 0.0:
            b[SIZE] = fresh
        lack = b[SIZE] - b[FILLED]
        if size < lack - TIE * b[SIZE]:
            b[FILLED] += size
            b[FLOW] += b[SIDE] * size
            return
        fill(b, full, times, (b[FLOW] + b[SIDE] * lack) / b[SIZE])
        size -= lack


@njit(cache=True)
def turn(params: Params, b: Float64, times: Int64, start: int, close: int) -> None:
    """Begin a session if the bar that closes is its first."""
    if start // DAY != times[START] // DAY or start - times[CLOSE] >= params.pause:
        if times[CLOSE] != 0 and b[TODAY] > 0.0:
            b[BEFORE] = b[TODAY]
        b[TODAY] = b[SIZE] = b[FILLED] = b[FLOW] = 0.0
    times[START], times[CLOSE] = start, close


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    t, n_closes, frames = 0, len(closes.position), len(state.bucket) // len(state.seen)
    bucket, full, times = state.bucket, state.full, state.times
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            if ticks.kind[t] == TRADE:
                first = ticks.symbol[t] * frames
                for j in range(first, first + frames):
                    trade(bucket[j], full[j], times[j], ticks.price[t], ticks.size[t])
            t += 1
        if k < n_closes:
            j = closes.symbol[k] * frames + closes.timeframe[k]
            b, done = bucket[j], times[j, DONE]
            turn(params, b, times[j], closes.start[k], closes.time[k])
            reason = horizons.NO_TRADES if done == 0 else 0 if b[BEFORE] > 0.0 else horizons.WARMING_UP
            write(out, why, k, 0, min(max(b[ONE_SIDED] / BUCKETS, 0.0), 1.0), reason)
            write(out, why, k, 1, b[SIGNED] / BUCKETS, reason)
            write(out, why, k, 2, full[j, (done - 1) % BUCKETS], reason)


_column = partial(
    Column,
    source="Easley, Lopez de Prado and O'Hara (2012)",
    inputs=("price", "size"),
    driver=Driver.SESSION,
    window=4,
    warm_up=2,
    unit="ratio",
    oracle="naive, in long double: cumulated volumes cut at the buckets' edges",
    params={"buckets": BUCKETS, "pause_seconds": PAUSE / SECOND},
    edges="no session with volume before this one: WARMING_UP; one without volume is passed over",
    sessions="resets",
    ties="the tick rule: a price within 1e-12 of the one before is unchanged",
)
COLUMNS = (
    _column("vpin_50", "mean of |bought - sold| / volume over the last 50 full buckets", range=(0.0, 1.0)),
    _column("vpin_signed_50", "mean of (bought - sold) / volume over the last 50 full buckets", range=(-1.01, 1.01)),
    _column("vpin_bucket_imbalance", "(bought - sold) / volume of the last full bucket", range=(-1.01, 1.01)),
)
register(Group("vpin", Family.MICROSTRUCTURE, Stage.TICKS, COLUMNS, Params(BUCKETS, PAUSE), init, update))
