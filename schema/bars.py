"""Bars as columns: one row a closed bar, symbol and timeframe."""

from __future__ import annotations

from enum import IntFlag
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.ticks import Float64, Int32, Int64


class BarFlag(IntFlag):
    """Marks on a bar."""

    EMPTY = 1  # no trade in it: the close is repeated, volume is 0
    PARTIAL = 2  # it began before the first tick of its symbol's lane
    QUOTE_PRICED = 4  # prices are mids: the symbol has not traded yet
    SESSION_FIRST = 8  # the symbol's first bar of its session
    HALTED = 16
    NO_QUOTE = 32  # no valid two-sided quote at the close: bid, ask and mid are NaN
    CORRECTED = 64  # a trade in it was corrected or cancelled later
    INCOMPLETE = 128  # a deadline closed its bar time without all symbols
    GAP = 256  # the feed lost messages of the symbol since its bar before


class Bars(NamedTuple):
    """n closed bars, arrays of shape (n,), ordered by (time, timeframe, symbol's rank by name).

    A named tuple, so that a kernel takes it whole; the number of bars is `len(bars.time)`.
    """

    time: Int64  # ns UTC of the close: the bar holds start <= ts_event < time
    start: Int64  # ns UTC
    symbol: Int32  # the universe's id
    timeframe: Int32  # index into the configured timeframes
    sequence: Int64  # counts the series' bars; part of the key of tick, volume and dollar bars
    open: Float64
    high: Float64
    low: Float64
    close: Float64
    volume: Float64  # sum of trade sizes
    notional: Float64  # sum of price * size
    trades: Int64
    quotes: Int64
    bid: Float64  # the last valid quote at the close, NaN if none
    bid_size: Float64
    ask: Float64
    ask_size: Float64
    mid: Float64
    flags: NDArray[np.uint16]  # BarFlag
    phase: NDArray[np.uint8]  # Phase
    session_open: Int64  # ns UTC: the regular session's open and close
    session_close: Int64
    lane: Int32  # origin of the last tick in it
    offset: Int64
    index: Int32  # type: ignore[assignment]  # shadows tuple.index
    basis: Float64  # price * basis and size / basis are in units from before the symbol's first split or dividend
    position: Int64  # how many ticks of the same batch come before the close; meaningless outside it


_INTEGER: Final = {
    "time": np.int64, "start": np.int64, "symbol": np.int32, "timeframe": np.int32, "sequence": np.int64,
    "trades": np.int64, "quotes": np.int64, "flags": np.uint16, "phase": np.uint8, "session_open": np.int64,
    "session_close": np.int64, "lane": np.int32, "offset": np.int64, "index": np.int32, "position": np.int64,
}  # fmt: skip


def empty_bars(n: int) -> Bars:
    """Make room for n bars, contents undefined but for the basis: nothing was split."""
    bars = Bars._make(np.empty(n, _INTEGER.get(field, np.float64)) for field in Bars._fields)
    bars.basis[:] = 1.0
    return bars


def zero_bars(n: int) -> Bars:
    """Make n bars of zeros, but for the basis: nothing was split."""
    bars = Bars._make(np.zeros(n, column.dtype) for column in empty_bars(0))
    bars.basis[:] = 1.0
    return bars


def take_bars(bars: Bars, rows: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Bars:
    """Return the given rows (mask, indices or slice)."""
    return Bars._make(column[rows] for column in bars)


def concat_bars(parts: list[Bars]) -> Bars:
    """Join batches in the given order."""
    if len(parts) == 1:
        return parts[0]
    return Bars._make(np.concatenate(columns) for columns in zip(*parts)) if parts else empty_bars(0)


class Phase(IntFlag):
    """Where in its session a bar closed."""

    REGULAR = 0
    PRE = 1
    POST = 2
