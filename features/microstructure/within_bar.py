"""A bar from within: its quotes by the time they stood, its trades beside the mid, their sizes, sides and waits.

Shares of time count the quote that stood at the bar's start from there on, and the last one up to the close.

Seed:   the first quote, the first trade of the symbol.
Edges:  NO_QUOTES, NO_TRADES before the symbol's first; EDGE where no usable quote stood, nothing was traded, no side
        was known; trades of unknown side, of size 0 or without a usable quote have no place beside the mid.
Cost:   O(timeframes) a tick, 104 bytes a symbol and 6 kB a series; running sums are rebuilt every lap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Family, Group, Stage, register
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure import within_bar_ticks as w
from features.microstructure import within_bar_windows as windows
from features.microstructure.horizons import write, write_share
from features.microstructure.within_bar_rows import COLUMNS
from schema.ticks import QUOTE, TRADE, Float64, Int64, UInt8


class Params(NamedTuple):
    unused: int


class State(NamedTuple):
    seen: Int64  # (S, 2) trades and quotes
    stands: Float64  # (S, SYMBOL) the last usable quote and the last price
    bar: Float64  # (series, BAR) of the open bar
    times: Int64  # (series, 4) ns of its first and last quote and trade
    ring: Float64  # (series, LONG, RING) numbers of the last bars, the n-th at slot (n - 1) % LONG
    depth: Float64  # (series, LONG) their time-weighted depths
    sums: Float64  # (series, 3, SUMS) of the last SHORT bars, the last LONG, and what these alone have
    n: Int64  # (series,) bars


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    seen, times = np.zeros((n_symbols, 2), np.int64), np.zeros((n, 4), np.int64)
    ring, depth, sums = windows.init(n)
    stands, bar = np.zeros((n_symbols, w.SYMBOL)), np.zeros((n, w.BAR))
    return State(seen, stands, bar, times, ring, depth, sums, np.zeros(n, np.int64))


@njit(cache=True)
def end_quotes(s: Float64, b: Float64, times: Int64, start: int, close: int) -> None:
    """Count the quote that stood at the bar's start, and the one that stands at its close."""
    w.stood(s, b, times, close)
    if b[w.CARRIED] != 0.0:
        dt = float(times[w.FIRST_QUOTE] - start)
        b[w.QUOTED] += dt
        for c in range(4):
            b[w.INTEGRAL + c] += dt * b[w.CARRY + c]


@njit(cache=True)
def write_quotes(b: Float64, out: Float64, why: UInt8, k: int, reason: int) -> None:
    for c in range(4):
        write_share(out, why, k, c, b[w.INTEGRAL + c], b[w.QUOTED], reason)
    write(out, why, k, 4, b[w.CHANGES], reason)
    write(out, why, k, 5, b[w.MID_SQUARES], reason)


@njit(cache=True)
def write_trades(b: Float64, out: Float64, why: UInt8, k: int, reason: int) -> None:
    volume, known = b[w.VOLUME], b[w.KNOWN]
    write(out, why, k, 6, b[w.PRICE_SQUARES], reason)
    write_share(out, why, k, 7, 2.0 * b[w.BUYS] - known, known, reason)
    write_share(out, why, k, 8, b[w.LARGEST], volume, reason)
    write_share(out, why, k, 9, b[w.SIZE_SQUARES], volume * volume, reason)
    write(out, why, k, 10, b[w.LONGEST_RUN], reason)
    write_share(out, why, k, 11, b[w.TURNS], max(known - 1.0, 0.0), reason)


@njit(cache=True)
def write_waits(
    b: Float64, times: Int64, out: Float64, why: UInt8, k: int, start: int, close: int, reason: int
) -> None:
    length = float(close - start)
    longest, late = length, 0.0
    if times[w.FIRST_TRADE] != 0:
        late = float(times[w.FIRST_TRADE] - start)
        longest = max(max(late, b[w.LONGEST_WAIT]), float(close - times[w.LAST_TRADE]))
    write(out, why, k, 12, longest / length, reason)
    write_share(out, why, k, 13, late * b[w.VOLUME] + b[w.LATENESS], length * b[w.VOLUME], reason)


@njit(cache=True)
def write_beside(s: Float64, b: Float64, out: Float64, why: UInt8, k: int, reason: int) -> None:
    write_share(out, why, k, 14, 1e4 * b[w.PAID], b[w.WEIGHT], reason)
    if reason == 0 and s[w.STANDS] == 0.0:
        reason = horizons.EDGE
    impact = 2e4 * ((s[w.MID] - b[w.ANCHOR]) * b[w.PER_MID] + b[w.APART])
    write_share(out, why, k, 15, impact, b[w.WEIGHT], reason)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    t, n_closes, frames = 0, len(closes.position), len(state.bar) // len(state.seen)
    seen, stands, bar, times = state.seen, state.stands, state.bar, state.times
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            i, time = ticks.symbol[t], ticks.time[t]
            first, last = i * frames, (i + 1) * frames
            seen[i, ticks.kind[t]] += 1
            if ticks.kind[t] == QUOTE:
                bid, bid_size, ask, ask_size = ticks.bid[t], ticks.bid_size[t], ticks.ask[t], ticks.ask_size[t]
                w.quote(stands[i], bar, times, first, last, time, bid, bid_size, ask, ask_size)
            else:
                price, size, side = ticks.price[t], ticks.size[t], float(ticks.side[t])
                w.trade(stands[i], bar, times, first, last, time, price, size, side)
            t += 1
        if k < n_closes:
            i, start, close = closes.symbol[k], closes.start[k], closes.time[k]
            j, s = i * frames + closes.timeframe[k], stands[i]
            b, no_trades = bar[j], horizons.NO_TRADES if seen[i, TRADE] == 0 else 0
            end_quotes(s, b, times[j], start, close)
            write_quotes(b, out, why, k, horizons.NO_QUOTES if seen[i, QUOTE] == 0 else 0)
            write_trades(b, out, why, k, no_trades)
            write_waits(b, times[j], out, why, k, start, close, no_trades)
            write_beside(s, b, out, why, k, horizons.missing(seen[i, TRADE], seen[i, QUOTE]))
            state.n[j] += 1
            windows.close(s, b, state.ring[j], state.depth[j], state.sums[j], state.n[j])
            windows.read(seen[i], state.depth[j], state.sums[j], state.ring[j], state.n[j], out, why, k)
            b[:], times[j] = 0.0, 0


register(Group("within_bar", Family.MICROSTRUCTURE, Stage.TICKS, COLUMNS, Params(0), init, update))
