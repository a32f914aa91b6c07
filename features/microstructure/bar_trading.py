"""Where a bar's close lies beside its trades and quotes, how much was traded, and whether the spread is wide for now.

Seed:   none.
Edges:  NO_QUOTES without a usable quote at the close; EDGE in a bar without volume, over a window without trades, and
        where the window's spreads are one or all equal: within 1e-12 of the price they are.
Cost:   O(60) a bar (spreads are counted through), 2 kB a series.
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
    spread: Float64  # (series, WINDOW) ask - bid of the n-th bar at slot (n - 1) % WINDOW
    sums: Float64  # (series, 5) of spreads less the anchor and of their squares; how many; 1 after a bar with a mid
    events: NDArray[np.int32]  # (series, COUNTED, 2) trades and quotes of the last bars
    counts: Int64  # (series, 3) their sums, and the trades of the last RECENT bars


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    events = np.zeros((n, COUNTED, 2), np.int32)
    return State(np.full((n, WINDOW), MISSING), np.zeros((n, 5)), events, np.zeros((n, 3), np.int64))


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


@njit(cache=True)
def slide(spread: Float64, sums: Float64, slot: int, value: float) -> None:
    """Put a bar's spread in the place of the one WINDOW bars before."""
    old = spread[slot]
    spread[slot] = value
    if slot == 0:
        rebuild(spread, sums)
        return
    if old != MISSING:
        sums[KNOWN] -= 1.0
        sums[SUM] -= old - sums[ANCHOR]
        sums[SQUARES] -= (old - sums[ANCHOR]) * (old - sums[ANCHOR])
    if value != MISSING:
        sums[KNOWN] += 1.0
        sums[SUM] += value - sums[ANCHOR]
        sums[SQUARES] += (value - sums[ANCHOR]) * (value - sums[ANCHOR])


@njit(cache=True)
def rank(spread: Float64, value: float, known: float, tie: float) -> float:
    """Return the share of the other spreads below the value, equal ones half."""
    below = not_above = 0
    for slot in range(WINDOW):
        below += spread[slot] < value - tie
        not_above += spread[slot] <= value + tie
    return 0.5 * (below + not_above - 1) / (known - 1.0)


@njit(cache=True)
def count(events: NDArray[np.int32], counts: Int64, n: int, trades: int, quotes: int) -> None:
    """Slide the sums of trades and quotes; before their window is full the ring holds zeros."""
    slot = (n - 1) % COUNTED
    counts[0] += trades - events[slot, 0]
    counts[1] += quotes - events[slot, 1]
    counts[2] += trades - events[(n - 1 + COUNTED - RECENT) % COUNTED, 0]
    events[slot, 0], events[slot, 1] = trades, quotes


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, n, mid, close, volume = bars.series[k], bars.n[k], bars.mid[k], bars.close[k], bars.volume[k]
        sums, counts, notional = state.sums[i], state.counts[i], bars.notional[k]
        quoted = not math.isnan(mid)
        no_mid = 0 if quoted else NO_QUOTES
        write_share(out, why, k, 0, 1e4 * (close * volume - notional), notional, 0)
        write(out, why, k, 1, 1e4 * (close - mid) / mid if quoted else 0.0, no_mid)
        reason = WARMING_UP if n == 1 else NO_QUOTES if not quoted or sums[HAD_MID] == 0.0 else 0
        write(out, why, k, 2, 1e4 * (bars.reference_return[k] - bars.log_return[k]), reason)
        sums[HAD_MID] = 1.0 if quoted else 0.0
        write_share(out, why, k, 3, volume, float(bars.trades[k]), 0)
        write(out, why, k, 4, notional * SECOND / (bars.time[k] - bars.start[k]), 0)
        count(state.events[i], counts, n, bars.trades[k], bars.quotes[k])
        reason = 0 if n >= COUNTED else WARMING_UP
        write_share(out, why, k, 5, float(counts[1]), float(counts[0]), reason)
        write_share(out, why, k, 6, (COUNTED // RECENT) * float(counts[2]), float(counts[0]), reason)
        spread, tie = (bars.ask[k] - bars.bid[k], params.tie * mid) if quoted else (MISSING, 0.0)
        slide(state.spread[i], sums, (n - 1) % WINDOW, spread)
        reason = WARMING_UP if n < WINDOW else no_mid if sums[KNOWN] > 1.0 or not quoted else EDGE
        place = rank(state.spread[i], spread, sums[KNOWN], tie) if reason == 0 else 0.0
        write(out, why, k, 8, place, reason)
        mean = sums[SUM] / max(sums[KNOWN], 1.0)
        variance = sums[SQUARES] / max(sums[KNOWN], 1.0) - mean * mean
        varies = quoted and variance > tie * tie
        z = (spread - sums[ANCHOR] - mean) / math.sqrt(variance) if varies else 0.0
        write(out, why, k, 7, z, reason if varies or reason else EDGE)


register(Group("bar_trading", Family.MICROSTRUCTURE, Stage.BARS, COLUMNS, Params(TIE), init, update))
