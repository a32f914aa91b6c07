"""Build the bars of all timeframes in one walk over ordered ticks.

A bar closes when the walk meets a tick at or after its end, or when the watermark passes it. All symbols of a
timeframe share their boundaries, so a close emits them together, in the order of their names.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

from features.bar_state import NO_BOUNDARY, Records
from features.inputs import TickInputs
from features.sessions import Sessions, session_at
from schema.bars import BarFlag, Phase, empty_bars
from schema.ticks import TRADE, Int32, Int64
from schema.timeframes import BarKind

INTERVAL, WEEK, MONTH = int(BarKind.INTERVAL), int(BarKind.WEEK), int(BarKind.MONTH)
TICK, VOLUME = int(BarKind.TICK), int(BarKind.VOLUME)
EMPTY, PARTIAL, QUOTE_PRICED = int(BarFlag.EMPTY), int(BarFlag.PARTIAL), int(BarFlag.QUOTE_PRICED)
SESSION_FIRST, HALTED, NO_QUOTE = int(BarFlag.SESSION_FIRST), int(BarFlag.HALTED), int(BarFlag.NO_QUOTE)
REGULAR, PRE, POST = int(Phase.REGULAR), int(Phase.PRE), int(Phase.POST)

ROW: Final = np.dtype([(name, column.dtype) for name, column in empty_bars(0)._asdict().items()], align=True)


class Origin(NamedTuple):
    """Where ticks stand in their log, arrays of shape (n,)."""

    lane: Int32
    offset: Int64
    index: Int32  # type: ignore[assignment]  # shadows tuple.index


@njit(cache=True)
def _emit(
    out: Any, time: int, i: int, j: int, kind: int, position: int, sessions: Sessions, at: int, symbol: Any, bar: Any,
) -> None:  # fmt: skip
    """Write the closed bar of symbol i in timeframe j."""
    bar.sequence += 1
    bar.session_bars += 1
    out.time, out.start, out.symbol, out.timeframe, out.sequence = time, bar.open_since, i, j, bar.sequence
    out.open, out.high, out.low, out.close = bar.open, bar.high, bar.low, bar.close
    out.volume, out.notional, out.trades, out.quotes = bar.volume, bar.notional, bar.trades, bar.quotes
    out.bid, out.bid_size, out.ask, out.ask_size = symbol.bid, symbol.bid_size, symbol.ask, symbol.ask_size
    out.mid = 0.5 * (symbol.bid + symbol.ask)
    out.lane, out.offset, out.index, out.position = symbol.lane, symbol.offset, symbol.index, position
    out.session_open, out.session_close = sessions.open[at], sessions.close[at]
    out.phase = REGULAR
    if bar.open_since < sessions.open[at]:
        out.phase = PRE
    elif bar.open_since >= sessions.close[at]:
        out.phase = POST
    flags = 0
    if bar.touched == 0:
        flags |= EMPTY
    if bar.open_since < symbol.lane_began:
        flags |= PARTIAL
    if symbol.traded == 0:
        flags |= QUOTE_PRICED
    if bar.session_bars == 1 and (kind == INTERVAL or kind > MONTH):
        flags |= SESSION_FIRST
    if symbol.halted != 0:
        flags |= HALTED
    if np.isnan(out.mid):
        flags |= NO_QUOTE
    out.flags = flags


@njit(cache=True)
def _begin(bar: Any, start: int, price: float) -> None:
    """Open a bar at the price that stands."""
    bar.open_since, bar.touched = start, 0
    bar.open = bar.high = bar.low = bar.close = price
    bar.volume = bar.notional = 0.0
    bar.trades = bar.quotes = 0


@njit(cache=True)
def _close_all(
    row: int, j: int, position: int, sessions: Sessions, by_name: Int64, symbols: Records, series: Records,
    clock: Records, out: Records,
) -> int:  # fmt: skip
    """Close the open bars of timeframe j at its boundary; return the next free row."""
    hand = clock[j]
    time = hand.boundary
    at = session_at(sessions, time - 1)
    goes_on = hand.kind == INTERVAL and time < sessions.end[at]
    for i in by_name:
        bar = series[i, j]
        if bar.open_since == 0:
            continue
        _emit(out[row], time, i, j, hand.kind, position, sessions, at, symbols[i], bar)
        row += 1
        if goes_on:
            _begin(bar, time, symbols[i].price)
        else:
            bar.open_since = 0
    hand.began = time
    hand.boundary = min(time + int(hand.every), sessions.end[at]) if goes_on else NO_BOUNDARY
    return row


@njit(cache=True)
def _advance(
    row: int, until: int, position: int, sessions: Sessions, by_name: Int64, symbols: Records, series: Records,
    clock: Records, out: Records,
) -> int:  # fmt: skip
    """Close, in order of time and timeframe, what ends at or before `until`.

    Returns the next free row, or -1 - row where `out` has no room for the next close.
    """
    while True:
        j = 0
        for other in range(1, len(clock)):
            if clock[other].boundary < clock[j].boundary:
                j = other
        if clock[j].boundary > until:
            return row
        if row + len(by_name) > len(out):
            return -1 - row
        row = _close_all(row, j, position, sessions, by_name, symbols, series, clock, out)


@njit(cache=True)
def _first_boundary(hand: Any, time: int, sessions: Sessions, at: int) -> None:
    """Set when the bars that open now began and will close."""
    start, end = sessions.start[at], sessions.end[at]
    hand.began, hand.boundary = start, end
    if hand.kind == INTERVAL:
        every = int(hand.every)
        hand.began = start + (time - start) // every * every
        hand.boundary = min(hand.began + every, end)
    elif hand.kind == WEEK:
        hand.boundary = sessions.week_end[at]
    elif hand.kind == MONTH:
        hand.boundary = sessions.month_end[at]


@njit(cache=True)
def _enter(i: int, time: int, sessions: Sessions, at: int, symbol: Any, series: Records, clock: Records) -> None:
    """Open the bars of a symbol that shows its first price in this session."""
    for j in range(len(clock)):
        hand, bar = clock[j], series[i, j]
        if hand.kind == INTERVAL or hand.kind > MONTH:
            bar.session_bars = 0
        if bar.open_since != 0:  # weeks, months and activity bars go on over sessions
            continue
        if hand.kind > MONTH:
            _begin(bar, time, symbol.price)
            continue
        if hand.boundary == NO_BOUNDARY:
            _first_boundary(hand, time, sessions, at)
        _begin(bar, hand.began, symbol.price)
    symbol.session = sessions.start[at]


@njit(cache=True)
def _gather(bar: Any, price: float, size: float, replaces: bool) -> None:
    """Put a trade (with size NaN: a mid) into an open bar."""
    if replaces or bar.touched == 0:
        bar.open = bar.high = bar.low = price
        bar.touched = 1
    bar.high, bar.low, bar.close = max(bar.high, price), min(bar.low, price), price
    if not np.isnan(size):
        bar.volume += size
        bar.notional += price * size
        bar.trades += 1


@njit(cache=True)
def _is_full(bar: Any, kind: int, every: float) -> bool:
    """Whether a tick, volume or dollar bar has reached its measure."""
    if kind == TICK:
        return bool(bar.trades >= every)
    return bool((bar.volume if kind == VOLUME else bar.notional) >= every)


@njit(cache=True)
def _apply(
    row: int, k: int, at: int, ticks: TickInputs, origin: Origin, sessions: Sessions, symbols: Records,
    series: Records, clock: Records, out: Records,
) -> int:  # fmt: skip
    """Apply one tick, closing the activity bars it fills; return the next free row."""
    i, time, is_trade = ticks.symbol[k], ticks.time[k], ticks.kind[k] == TRADE
    symbol, price, size, replaces = symbols[i], np.nan, np.nan, False
    if is_trade:
        price, size, replaces = ticks.price[k], ticks.size[k], symbol.traded == 0
        symbol.traded = 1
    else:
        symbol.bid, symbol.bid_size = ticks.bid[k], ticks.bid_size[k]
        symbol.ask, symbol.ask_size = ticks.ask[k], ticks.ask_size[k]
        if symbol.traded == 0:
            price = 0.5 * (symbol.bid + symbol.ask)
    symbol.lane, symbol.offset, symbol.index = origin.lane[k], origin.offset[k], origin.index[k]
    if not np.isnan(price):
        symbol.price = price
    if symbol.session != sessions.start[at] and not np.isnan(symbol.price):
        _enter(i, time, sessions, at, symbol, series, clock)
    for j in range(len(clock)):
        bar = series[i, j]
        if bar.open_since == 0:
            continue
        if not np.isnan(price):
            _gather(bar, price, size, replaces)
        if not is_trade:
            bar.quotes += 1
        elif clock[j].kind > MONTH and _is_full(bar, clock[j].kind, clock[j].every):
            _emit(out[row], time, i, j, clock[j].kind, k + 1, sessions, at, symbol, bar)
            _begin(bar, time, price)
            row += 1
    return row


@njit(cache=True)
def walk(
    first: int, ticks: TickInputs, origin: Origin, watermark: int, sessions: Sessions, by_name: Int64,
    lane_began: Int64, symbols: Records, series: Records, clock: Records, out: Records,
) -> tuple[int, int]:  # fmt: skip
    """Walk the ticks from `first` on, then close what the watermark has passed.

    Returns (rows written, next tick); next tick is -1 when all is done, else `out` is full and the walk goes on
    from there into a fresh one.
    """
    row, at, end, n = 0, -1, -1, len(ticks.time)
    for k in range(first, n):
        time = ticks.time[k]
        row = _advance(row, time, k, sessions, by_name, symbols, series, clock, out)
        if row < 0:
            return -1 - row, k
        if row + len(clock) > len(out):
            return row, k
        if time >= end:
            at = session_at(sessions, time)
            end = sessions.end[at]
        lane = origin.lane[k]
        if lane_began[lane] < 0:
            lane_began[lane] = time
        symbol = symbols[ticks.symbol[k]]
        if symbol.lane_began < 0:
            symbol.lane_began = lane_began[lane]
        row = _apply(row, k, at, ticks, origin, sessions, symbols, series, clock, out)
    row = _advance(row, watermark, n, sessions, by_name, symbols, series, clock, out)
    return (-1 - row, n) if row < 0 else (row, -1)
