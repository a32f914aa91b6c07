"""Where a bar's close lies beside its trades and quotes, how much was traded, and whether the spread is wide for now.

Seed:   none.
Edges:  NO_QUOTES without a usable quote at the close; EDGE in a bar without volume, over a window without trades, and
        where the window's spreads are one or all equal: within 1e-12 of the price they are.
Cost:   O(1) a bar, 0.7 kB a series.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.catalogue import Family, Group, Stage, register
from features.inputs import BarInputs, History
from features.microstructure.bar_trading_rows import COLUMNS
from features.microstructure.horizons import EDGE, NO_QUOTES, SECOND, WARMING_UP, write, write_share
from features.ties import TIE
from schema.ticks import Float64, Int64, UInt8

WINDOW, COUNTED, RECENT = 60, 20, 5
MISSING = math.inf  # in place of the spread of a bar without a usable quote
ANCHOR, SUM, SQUARES, KNOWN, HAD_MID = range(5)


class Params(NamedTuple):
    tie: float


class State(NamedTuple):
    spread: Float64  # (WINDOW, series) ask - bid of the n-th bar at slot (n - 1) % WINDOW
    sums: Float64  # (series, 5) of spreads less the anchor and of their squares; how many; 1 after a bar with a mid
    events: NDArray[np.int32]  # (COUNTED, series, 2) trades and quotes of the last bars
    counts: Int64  # (series, 3) their sums, and the trades of the last RECENT bars


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    events = np.zeros((COUNTED, n, 2), np.int32)
    return State(np.full((WINDOW, n), MISSING), np.zeros((n, 5)), events, np.zeros((n, 3), np.int64))


@njit(cache=True)
def rebuild(spread: Float64, sums: Float64) -> None:
    """Move the anchor to the window's mean and sum afresh."""
    known, total = 0, 0.0
    for value in spread:
        if value != MISSING:
            known += 1
            total += value - sums[ANCHOR]
    if known:
        sums[ANCHOR] += total / known
    sums[SUM] = sums[SQUARES] = 0.0
    for value in spread:
        if value != MISSING:
            sums[SUM] += value - sums[ANCHOR]
            sums[SQUARES] += (value - sums[ANCHOR]) * (value - sums[ANCHOR])
    sums[KNOWN] = known


@njit(cache=True, inline="always")
def slide(spread: Float64, sums: Float64, slot: int, value: float) -> None:
    """Put a bar's spread in the place of the one WINDOW bars before; `within_bar_windows` does so with depths."""
    old, anchor = spread[slot], sums[ANCHOR]
    spread[slot] = value
    if slot == 0:
        rebuild(spread, sums)
        return
    if old != MISSING:
        sums[KNOWN] -= 1.0
        sums[SUM] -= old - anchor
        sums[SQUARES] -= (old - anchor) * (old - anchor)
    if value != MISSING:
        sums[KNOWN] += 1.0
        sums[SUM] += value - anchor
        sums[SQUARES] += (value - anchor) * (value - anchor)


@njit(cache=True, inline="always")
def count(events: NDArray[np.int32], counts: Int64, i: int, n: int, trades: int, quotes: int) -> None:
    """Slide the sums of trades and quotes; before their window is full the ring holds zeros."""
    slot = (n - 1) % COUNTED
    counts[i, 0] += trades - events[slot, i, 0]
    counts[i, 1] += quotes - events[slot, i, 1]
    counts[i, 2] += trades - events[(n - 1 + COUNTED - RECENT) % COUNTED, i, 0]
    events[slot, i, 0], events[slot, i, 1] = trades, quotes


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    spreads, sums, events, counts = state
    series, nth, mids, closes, volumes, notionals = (
        bars.series, bars.n, bars.mid, bars.close, bars.volume, bars.notional
    )  # fmt: skip
    all_trades, all_quotes, asks, bids = bars.trades, bars.quotes, bars.ask, bars.bid
    time, start, log_return, reference_return = bars.time, bars.start, bars.log_return, bars.reference_return
    for k in range(len(series)):
        i, n, mid, close, volume, notional = series[k], nth[k], mids[k], closes[k], volumes[k], notionals[k]
        trades, quotes = all_trades[k], all_quotes[k]
        quoted = not math.isnan(mid)
        no_mid = 0 if quoted else NO_QUOTES
        write_share(out, why, k, 0, 1e4 * (close * volume - notional), notional, 0)
        write(out, why, k, 1, 1e4 * (close - mid) / mid if quoted else 0.0, no_mid)
        reason = WARMING_UP if n == 1 else NO_QUOTES if not quoted or sums[i, HAD_MID] == 0.0 else 0
        write(out, why, k, 2, 1e4 * (reference_return[k] - log_return[k]), reason)
        sums[i, HAD_MID] = 1.0 if quoted else 0.0
        write_share(out, why, k, 3, volume, float(trades), 0)
        write(out, why, k, 4, notional * SECOND / (time[k] - start[k]), 0)
        count(events, counts, i, n, trades, quotes)
        reason = 0 if n >= COUNTED else WARMING_UP
        write_share(out, why, k, 5, float(counts[i, 1]), float(counts[i, 0]), reason)
        write_share(out, why, k, 6, (COUNTED // RECENT) * float(counts[i, 2]), float(counts[i, 0]), reason)
        spread, tie = (asks[k] - bids[k], params.tie * mid) if quoted else (MISSING, 0.0)
        slide(spreads[:, i], sums[i], (n - 1) % WINDOW, spread)
        reason = WARMING_UP if n < WINDOW else no_mid if sums[i, KNOWN] > 1.0 or not quoted else EDGE
        known = max(sums[i, KNOWN], 1.0)
        mean = sums[i, SUM] / known
        variance = sums[i, SQUARES] / known - mean * mean
        varies = quoted and variance > tie * tie
        z = (spread - sums[i, ANCHOR] - mean) / math.sqrt(variance) if varies else 0.0
        write(out, why, k, 7, z, reason if varies or reason else EDGE)
        write_share(out, why, k, 8, float(quotes), float(trades), 0)


register(Group("bar_trading", Family.MICROSTRUCTURE, Stage.BARS, COLUMNS, Params(TIE), init, update, version=3))
