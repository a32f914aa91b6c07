"""What kernels read: closed bars with their shared history, ordered ticks and items with the closes between them.

History is kept once a series, not once a feature: each ring holds the last `RING` values of one input (`SHORT_RING`
of high, low and volume), and a kernel reads the value `lag` bars ago with `past(ring, i, n, lag)`. The rings are filled
for a whole batch before the kernels run; since a batch brings a series at most `MAX_ROWS_PER_SERIES` rows, a window of
up to `MAX_WINDOW` bars (`SHORT_WINDOW` of high, low and volume) before any of them is still there.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from schema.ticks import Float64, Int32, Int64, UInt8

RING, SHORT_RING = 512, 256  # powers of two
MAX_WINDOW, SHORT_WINDOW = 257, 65  # lags 0 .. 256 and 0 .. 64
MAX_ROWS_PER_SERIES: Final = min(RING - MAX_WINDOW, SHORT_RING - SHORT_WINDOW)
LEADERS: Final = 2  # symbols that others may be compared with, beside the market


class BarInputs(NamedTuple):
    """n closed bars as bar-driven and cross-section kernels read them, arrays of shape (n,) in stream order.

    A *series* is a symbol in a timeframe: series = symbol * n_timeframes + timeframe.
    """

    series: Int64  # row of the state
    symbol: Int32
    timeframe: Int32
    n: Int64  # this is the series' n-th bar, from 1 on
    time: Int64  # ns UTC of the close
    start: Int64
    open: Float64
    high: Float64
    low: Float64
    close: Float64
    volume: Float64
    notional: Float64
    trades: Int64
    quotes: Int64
    bid: Float64  # NaN where there is no valid quote
    ask: Float64
    mid: Float64
    reference: Float64  # mid where valid, else the close: what labels are made of
    previous_open: Float64  # NaN at n = 1
    previous_close: Float64  # NaN at n = 1
    log_return: Float64  # log(close / previous close), NaN at n = 1
    reference_return: Float64  # log of reference over the bar before's, NaN at n = 1
    flags: NDArray[np.uint16]
    phase: NDArray[np.uint8]
    session_open: Int64
    session_close: Int64
    session_bar: Int64  # this is the series' n-th bar of its session, from 1 on


class History(NamedTuple):
    """Shared rings, shape (slots, series); the n-th bar of a series stands at slot (n - 1) % slots.

    The slot comes first: series close together, and bars of one time then lie side by side in memory. With the
    series first each lag of each series was a cache miss, and all of one lag fell into the same few cache sets.
    """

    high: Float64  # SHORT_RING slots
    low: Float64  # SHORT_RING
    close: Float64  # RING
    volume: Float64  # SHORT_RING
    log_return: Float64  # RING; NaN at n = 1


SLOTS: Final = {"high": SHORT_RING, "low": SHORT_RING, "close": RING, "volume": SHORT_RING, "log_return": RING}


class TickInputs(NamedTuple):
    """n ordered ticks as tick-driven kernels read them, arrays of shape (n,) but for the last two."""

    time: Int64  # ns UTC of the event
    symbol: Int32
    kind: NDArray[np.uint8]  # TRADE or QUOTE
    price: Float64  # trades
    size: Float64
    bid: Float64  # quotes; NaN where the quote is one-sided or absurdly wide, so that it has no mid
    bid_size: Float64
    ask: Float64
    ask_size: Float64
    side: NDArray[np.int8]  # aggressor of a trade: as given, else Lee-Ready, else tick rule; 0 if unknown
    keep: Float64  # (n, H) exp(-time since the symbol's previous tick of the same kind / horizon), event_time.HORIZONS
    gain: Float64  # (n, H) 1 - keep, exact for short times


class Closes(NamedTuple):
    """m closes inside a batch of ticks, arrays of shape (m,), ordered by position.

    A tick kernel applies the ticks before `position[k]` and then writes row k:
    `for k in range(m): while t < closes.position[k]: apply tick t; read state into out[k]`,
    and after the last close applies the remaining ticks.
    """

    position: Int64  # number of the batch's ticks that come before this close
    symbol: Int32
    timeframe: Int32
    time: Int64  # ns UTC of the close
    start: Int64  # ns UTC of the bar's begin


class ItemInputs(NamedTuple):
    """n scored items as item-driven kernels read them, arrays of shape (n,) in order of time.

    A kernel applies the items before `position[k]` and then writes row k; none comes after the last row.
    """

    time: Int64  # ns UTC of the event
    symbol: Int32
    kind: UInt8  # schema.items.NEWS or SOCIAL
    score: Float64  # -1 .. 1
    position: Int64  # (rows,) number of the batch's items that come before each bar's close
    feed: UInt8  # (kinds,) whether there is a feed of that kind


@njit(cache=True, inline="always")
def past(ring: Float64, i: int, n: int, lag: int) -> float:
    """Return the value `lag` bars before the n-th bar of series i (lag 0 is the n-th itself)."""
    slot = np.uint64(n - 1 - lag) & np.uint64(len(ring) - 1)  # unsigned: no check for a negative index
    value: float = ring[slot, i]
    return value


class BarGroups(NamedTuple):
    """The rows of each bar time, for cross-section kernels.

    Group g is the rows `first[g] .. first[g + 1]`: one (time, timeframe), ordered by the symbols' names.
    """

    first: Int64  # (groups + 1,)
    by_time: NDArray[np.bool_]  # (groups,) False for tick, volume and dollar bars: they meet no other symbol
    leaders: Int64  # (groups, LEADERS) row of each configured leader, -1 where it has none in the group
