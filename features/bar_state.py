"""The state of open bars: what each symbol last showed, what each series has gathered."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.ticks import Bool, Float64, Int32, Int64

NO_BOUNDARY: Final = (1 << 63) - 1


class SymbolState(NamedTuple):
    """What a symbol last showed, arrays of shape (S,)."""

    price: Float64  # last trade, else last mid; NaN before the first
    traded: Bool  # whether it ever traded
    bid: Float64  # last quote, NaN where it has no usable mid
    bid_size: Float64
    ask: Float64
    ask_size: Float64
    halted: Bool
    lane: Int32  # origin of its last tick
    offset: Int64
    index: Int32
    session: Int64  # start of the session it was last seen in


class SeriesState(NamedTuple):
    """What an open bar has gathered, arrays of shape (S, timeframes)."""

    open_since: Int64  # ns, start of the open bar; 0 where none is open
    sequence: Int64  # bars closed
    session_bars: Int64  # bars closed in the symbol's session
    touched: Bool  # whether a price came into the open bar
    open: Float64
    high: Float64
    low: Float64
    close: Float64
    volume: Float64
    notional: Float64
    trades: Int64
    quotes: Int64


class ClockState(NamedTuple):
    """What all symbols share, arrays of shape (timeframes,) or (1,)."""

    boundary: Int64  # (timeframes,) when the open bars close; NO_BOUNDARY where none is open
    began: Int64  # (timeframes,) when they began
    first: Int64  # (1,) first event time of the stream, -1 before it


def symbol_state(n_symbols: int) -> SymbolState:
    """Return the state of symbols that showed nothing yet."""
    nan, no, zero = (lambda: np.full(n_symbols, np.nan)), (lambda: np.zeros(n_symbols, np.bool_)), np.zeros
    return SymbolState(
        nan(), no(), nan(), nan(), nan(), nan(), no(),
        zero(n_symbols, np.int32), zero(n_symbols, np.int64), zero(n_symbols, np.int32),
        np.full(n_symbols, -1, np.int64),
    )  # fmt: skip


def series_state(n_symbols: int, n_timeframes: int) -> SeriesState:
    """Return the state of series without an open bar."""
    shape = (n_symbols, n_timeframes)
    kinds: dict[str, type] = {"touched": np.bool_}
    whole = ("open_since", "sequence", "session_bars", "trades", "quotes")
    columns: list[NDArray[np.generic]] = [
        np.zeros(shape, kinds.get(field, np.int64 if field in whole else np.float64)) for field in SeriesState._fields
    ]
    return SeriesState(*columns)  # type: ignore[arg-type]


def clock_state(n_timeframes: int) -> ClockState:
    """Return the clock of a stream that has not begun."""
    return ClockState(
        np.full(n_timeframes, NO_BOUNDARY, np.int64),
        np.zeros(n_timeframes, np.int64),
        np.full(1, -1, np.int64),
    )
