"""Build the bars of all timeframes in one walk over ordered ticks.

A bar closes when the walk meets a tick at or after its end, or when the watermark passes it. All symbols of a
timeframe share their boundaries, so a close emits them together, in the order of their names.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.bar_state import NO_BOUNDARY, ClockState, SeriesState, SymbolState
from features.inputs import TickInputs
from features.sessions import Sessions, session_at
from schema.bars import BarFlag, Bars, Phase
from schema.ticks import TRADE, Float64, Int32, Int64
from schema.timeframes import BarKind

INTERVAL, DAY, WEEK = int(BarKind.INTERVAL), int(BarKind.DAY), int(BarKind.WEEK)
MONTH, TICK, VOLUME = int(BarKind.MONTH), int(BarKind.TICK), int(BarKind.VOLUME)
EMPTY, PARTIAL, QUOTE_PRICED = int(BarFlag.EMPTY), int(BarFlag.PARTIAL), int(BarFlag.QUOTE_PRICED)
SESSION_FIRST, HALTED, NO_QUOTE = int(BarFlag.SESSION_FIRST), int(BarFlag.HALTED), int(BarFlag.NO_QUOTE)
REGULAR, PRE, POST = int(Phase.REGULAR), int(Phase.PRE), int(Phase.POST)


class Plan(NamedTuple):
    """The configured timeframes, arrays of shape (timeframes,)."""

    kind: Int64  # BarKind
    every: Float64


class Origin(NamedTuple):
    """Where ticks stand in their log, arrays of shape (n,)."""

    lane: Int32
    offset: Int64
    index: Int32


@njit(cache=True)
def _emit(
    row: int, time: int, i: int, j: int, kind: int, position: int, at: int, sessions: Sessions, by_symbol: SymbolState,
    series: SeriesState, clock: ClockState, out: Bars,
) -> None:  # fmt: skip
    """Write the closed bar of symbol i in timeframe j."""
    start = series.open_since[i, j]
    series.sequence[i, j] += 1
    series.session_bars[i, j] += 1
    out.time[row], out.start[row], out.symbol[row], out.timeframe[row] = time, start, i, j
    out.sequence[row] = series.sequence[i, j]
    out.open[row], out.high[row] = series.open[i, j], series.high[i, j]
    out.low[row], out.close[row] = series.low[i, j], series.close[i, j]
    out.volume[row], out.notional[row] = series.volume[i, j], series.notional[i, j]
    out.trades[row], out.quotes[row] = series.trades[i, j], series.quotes[i, j]
    bid, ask = by_symbol.bid[i], by_symbol.ask[i]
    out.bid[row], out.bid_size[row] = bid, by_symbol.bid_size[i]
    out.ask[row], out.ask_size[row] = ask, by_symbol.ask_size[i]
    out.mid[row] = 0.5 * (bid + ask)
    flags = 0
    if not series.touched[i, j]:
        flags |= EMPTY
    if start < clock.first[0]:
        flags |= PARTIAL
    if not by_symbol.traded[i]:
        flags |= QUOTE_PRICED
    if series.session_bars[i, j] == 1 and (kind == INTERVAL or kind > MONTH):
        flags |= SESSION_FIRST
    if by_symbol.halted[i]:
        flags |= HALTED
    if np.isnan(bid):
        flags |= NO_QUOTE
    out.flags[row] = flags
    out.session_open[row], out.session_close[row] = sessions.open[at], sessions.close[at]
    out.phase[row] = PRE if start < sessions.open[at] else (POST if start >= sessions.close[at] else REGULAR)
    out.lane[row], out.offset[row], out.index[row] = by_symbol.lane[i], by_symbol.offset[i], by_symbol.index[i]
    out.position[row] = position


@njit(cache=True)
def _begin(series: SeriesState, i: int, j: int, start: int, price: float) -> None:
    """Open the bar of symbol i in timeframe j at the price that stands."""
    series.open_since[i, j], series.touched[i, j] = start, False
    series.open[i, j] = series.high[i, j] = series.low[i, j] = series.close[i, j] = price
    series.volume[i, j] = series.notional[i, j] = 0.0
    series.trades[i, j] = series.quotes[i, j] = 0


@njit(cache=True)
def _close_all(
    row: int, time: int, j: int, position: int, plan: Plan, sessions: Sessions, rank: Int64, by_symbol: SymbolState,
    series: SeriesState, clock: ClockState, out: Bars,
) -> int:  # fmt: skip
    """Close the open bars of timeframe j at its boundary; return the next free row."""
    at = session_at(sessions, time - 1)
    goes_on = plan.kind[j] == INTERVAL and time < sessions.end[at]
    for i in rank:
        if series.open_since[i, j] == 0:
            continue
        _emit(row, time, i, j, plan.kind[j], position, at, sessions, by_symbol, series, clock, out)
        row += 1
        if goes_on:
            _begin(series, i, j, time, by_symbol.price[i])
        else:
            series.open_since[i, j] = 0
    clock.began[j] = time
    if goes_on:
        clock.boundary[j] = min(time + int(plan.every[j]), sessions.end[at])
    else:
        clock.boundary[j] = NO_BOUNDARY
    return row


@njit(cache=True)
def _advance(
    row: int, until: int, position: int, plan: Plan, sessions: Sessions, rank: Int64, by_symbol: SymbolState,
    series: SeriesState, clock: ClockState, out: Bars,
) -> int:  # fmt: skip
    """Close, in order of time and timeframe, what ends at or before `until`.

    Returns the next free row, or -1 - row where `out` has no room for the next close.
    """
    while True:
        j = int(np.argmin(clock.boundary))
        time = clock.boundary[j]
        if time > until:
            return row
        if row + len(rank) > len(out.time):
            return -1 - row
        row = _close_all(row, time, j, position, plan, sessions, rank, by_symbol, series, clock, out)


@njit(cache=True)
def _enter(
    i: int, time: int, at: int, plan: Plan, sessions: Sessions, by_symbol: SymbolState, series: SeriesState,
    clock: ClockState,
) -> None:  # fmt: skip
    """Open the bars of a symbol that shows its first price in this session."""
    for j in range(len(plan.kind)):
        kind = plan.kind[j]
        if kind == INTERVAL or kind > MONTH:
            series.session_bars[i, j] = 0
        if series.open_since[i, j] != 0:  # weeks, months and activity bars go on over sessions
            continue
        start = time
        if kind <= MONTH:
            if clock.boundary[j] == NO_BOUNDARY:
                first, last = sessions.start[at], sessions.end[at]
                if kind == INTERVAL:
                    every = int(plan.every[j])
                    clock.began[j] = first + (time - first) // every * every
                    clock.boundary[j] = min(clock.began[j] + every, last)
                else:
                    clock.began[j] = first
                    clock.boundary[j] = last
                    if kind == WEEK:
                        clock.boundary[j] = sessions.week_end[at]
                    elif kind == MONTH:
                        clock.boundary[j] = sessions.month_end[at]
            start = clock.began[j]
        _begin(series, i, j, start, by_symbol.price[i])
    by_symbol.session[i] = sessions.start[at]


@njit(cache=True)
def _gather(i: int, price: float, size: float, replaces: bool, series: SeriesState) -> None:
    """Put a trade (or with size NaN a mid) into the open bars of symbol i."""
    for j in range(series.open.shape[1]):
        if series.open_since[i, j] == 0:
            continue
        if replaces or not series.touched[i, j]:
            series.open[i, j] = series.high[i, j] = series.low[i, j] = price
            series.touched[i, j] = True
        series.high[i, j] = max(series.high[i, j], price)
        series.low[i, j] = min(series.low[i, j], price)
        series.close[i, j] = price
        if not np.isnan(size):
            series.volume[i, j] += size
            series.notional[i, j] += price * size
            series.trades[i, j] += 1


@njit(cache=True)
def _activity(
    row: int, i: int, time: int, position: int, at: int, plan: Plan, sessions: Sessions, by_symbol: SymbolState,
    series: SeriesState, clock: ClockState, out: Bars,
) -> int:  # fmt: skip
    """Close tick, volume and dollar bars that the trade has filled; return the next free row."""
    for j in range(len(plan.kind)):
        if plan.kind[j] <= MONTH or series.open_since[i, j] == 0:
            continue
        filled = series.notional[i, j]
        if plan.kind[j] == TICK:
            filled = float(series.trades[i, j])
        elif plan.kind[j] == VOLUME:
            filled = series.volume[i, j]
        if filled >= plan.every[j]:
            _emit(row, time, i, j, plan.kind[j], position, at, sessions, by_symbol, series, clock, out)
            row += 1
            _begin(series, i, j, time, by_symbol.price[i])
    return row


@njit(cache=True)
def walk(
    first: int, ticks: TickInputs, origin: Origin, watermark: int, plan: Plan, sessions: Sessions, rank: Int64,
    by_symbol: SymbolState, series: SeriesState, clock: ClockState, out: Bars,
) -> tuple[int, int]:  # fmt: skip
    """Walk the ticks from `first` on, then close what the watermark has passed.

    Returns (rows written, next tick); next tick is -1 when all is done, else `out` is full and the walk goes on
    from there into a fresh one.
    """
    row, at = 0, -1
    for k in range(first, len(ticks.time)):
        time, i = ticks.time[k], ticks.symbol[k]
        if clock.first[0] < 0:
            clock.first[0] = time
        row = _advance(row, time, k, plan, sessions, rank, by_symbol, series, clock, out)
        if row < 0:
            return -1 - row, k
        if row + len(plan.kind) > len(out.time):
            return row, k
        if at < 0 or time >= sessions.end[at]:
            at = session_at(sessions, time)
        row = _apply(row, k, i, time, at, ticks, origin, plan, sessions, by_symbol, series, clock, out)
    row = _advance(row, watermark, len(ticks.time), plan, sessions, rank, by_symbol, series, clock, out)
    return (-1 - row, len(ticks.time)) if row < 0 else (row, -1)


@njit(cache=True)
def _apply(
    row: int, k: int, i: int, time: int, at: int, ticks: TickInputs, origin: Origin, plan: Plan, sessions: Sessions,
    by_symbol: SymbolState, series: SeriesState, clock: ClockState, out: Bars,
) -> int:  # fmt: skip
    """Apply one tick; return the next free row."""
    is_trade = ticks.kind[k] == TRADE
    replaces, price = False, np.nan
    if is_trade:
        price = ticks.price[k]
        replaces = not by_symbol.traded[i]
        by_symbol.traded[i] = True
    else:
        by_symbol.bid[i], by_symbol.bid_size[i] = ticks.bid[k], ticks.bid_size[k]
        by_symbol.ask[i], by_symbol.ask_size[i] = ticks.ask[k], ticks.ask_size[k]
        if not by_symbol.traded[i]:
            price = 0.5 * (ticks.bid[k] + ticks.ask[k])
    by_symbol.lane[i], by_symbol.offset[i], by_symbol.index[i] = origin.lane[k], origin.offset[k], origin.index[k]
    priced = not np.isnan(price)
    if priced:
        by_symbol.price[i] = price
    if by_symbol.session[i] != sessions.start[at] and not np.isnan(by_symbol.price[i]):
        _enter(i, time, at, plan, sessions, by_symbol, series, clock)
    if priced:
        _gather(i, price, ticks.size[k] if is_trade else np.nan, replaces, series)
    if is_trade:
        return _activity(row, i, time, k + 1, at, plan, sessions, by_symbol, series, clock, out)
    for j in range(series.quotes.shape[1]):
        series.quotes[i, j] += 1
    return row
