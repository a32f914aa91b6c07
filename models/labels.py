"""Labels: the log return of the reference price from a bar's close to `h` bars later.

The reference is the mid where the bar has a valid quote, else the close (marked `trade-price`). A label exists where
both ends have the same kind of reference, no bar in between is halted, and, below a day, no session ends in between.
Prices are compared on the symbol's basis (`Bars.basis`): a split is no return, a dividend is reinvested.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.mapped import CHUNK, PAGE, settle
from schema.bars import BarFlag, Bars
from schema.outcomes import Basis
from schema.ticks import Bool, Float64, Int32, Int64
from schema.timeframes import BarKind, Timeframe

Float32 = NDArray[np.float32]


_HALT: Final = int(Basis.HALT)
_GAP, _SESSION = int(Basis.GAP), int(Basis.SESSION)


class Labels(NamedTuple):
    """Labels of n bars for H horizons."""

    returns: Float32  # (n, H) NaN where there is none
    end: Int64  # (n,) ns UTC: close of the last bar that any of them looks at; the row's own where there is none
    past: Float32  # (n,) the return from the bar before, NaN where undefined


def reference(bars: Bars) -> tuple[Float64, Bool]:
    """Return the reference price of each bar in the units of its time, and whether it is a trade price."""
    trade_price = ~np.isfinite(bars.mid)
    return np.where(trade_price, bars.close, bars.mid), trade_price


def comparable(bars: Bars) -> tuple[Float64, Bool]:
    """Return the reference price of each bar on its symbol's basis, and whether it is a trade price."""
    price, trade_price = reference(bars)
    return price * bars.basis, trade_price


class Labelled(NamedTuple):
    """What labels are made of, n bars of one timeframe in stream order."""

    time: Int64  # (n,) ns UTC of the close
    symbol: Int32  # (n,)
    price: Float64  # (n,) reference price on the symbol's basis
    trade_price: Bool  # (n,) it is a trade price
    halted: Bool  # (n,)
    starts: Bool  # (n,) the first bar of its session
    session_open: Int64  # (n,) ns UTC
    session_close: Int64  # (n,)


def labelled(bars: Bars) -> Labelled:
    """Return what the labels of bars are made of."""
    price, trade_price = comparable(bars)
    return Labelled(
        bars.time, bars.symbol, price, trade_price, *halts_and_starts(bars), bars.session_open, bars.session_close
    )


def label(bars: Bars, horizons: int, timeframe: Timeframe) -> Labels:
    """Label bars of one timeframe in stream order for horizons 1 .. `horizons`."""
    return label_into(np.empty((len(bars.time), horizons), np.float32), labelled(bars), timeframe)


def label_into(returns: Float32, bars: Labelled, timeframe: Timeframe) -> Labels:
    """Label bars for the horizons that `returns` (n, H), which may be a mapped file, has room for."""
    labels = Labels(returns, np.array(bars.time), np.full(len(returns), np.nan, np.float32))
    order = np.argsort(bars.symbol, kind="stable").astype(np.int64)
    heads = np.flatnonzero(np.diff(bars.symbol[order], prepend=-1))  # where each series begins
    step = max(CHUNK // PAGE, 1)  # rows of a series lie far apart: a page each
    for series in np.split(order, heads[np.flatnonzero(np.diff(heads // step)) + 1]):
        _label(series, *bars, *bounds(timeframe), *labels)
        settle()
    return labels


def bounds(timeframe: Timeframe) -> tuple[int, bool]:
    """Return the ns between two bars of a timeframe, 0 where they vary, and whether labels end with the session."""
    step = int(timeframe.every) if timeframe.kind == BarKind.INTERVAL else 0
    return step, timeframe.nominal_ns < 86_400 * 10**9


def halts_and_starts(bars: Bars) -> tuple[Bool, Bool]:
    """Return which bars (n,) are halted, and which are the first of their session."""
    return (bars.flags & int(BarFlag.HALTED)) != 0, (bars.flags & int(BarFlag.SESSION_FIRST)) != 0


@njit(cache=True)
def ends_here(since, opened, closed, h, time, session_open, halted, starts, step, within_session):  # type: ignore[no-untyped-def]
    """Return the Basis that says why no label gets past the h-th bar behind one, 0 where it does.

    The bar it starts from closed at `since`, in the session from `opened` to `closed` (ns UTC).
    """
    if halted:
        return _HALT
    if step > 0 and time - since != h * step:
        return _GAP
    if within_session and (starts or session_open != opened or (since <= closed and time > closed)):
        return _SESSION
    return 0


@njit(cache=True)
def _label(  # type: ignore[no-untyped-def]
    order, time, symbol, price, trade_price, halted, starts, opens, closes, step, within_session, returns, end, past
):
    for a in range(len(order)):
        i = order[a]
        returns[i] = np.nan
        before = order[a - 1] if a > 0 else i
        if before != i and symbol[before] == symbol[i] and trade_price[before] == trade_price[i]:
            past[i] = np.log(price[i] / price[before])
        if halted[i]:
            continue
        for h in range(1, returns.shape[1] + 1):
            if a + h >= len(order):
                break
            j = order[a + h]
            if symbol[j] != symbol[i] or ends_here(
                time[i], opens[i], closes[i], h, time[j], opens[j], halted[j], starts[j], step, within_session
            ):
                break
            if trade_price[j] == trade_price[i]:
                returns[i, h - 1] = np.log(price[j] / price[i])
                end[i] = time[j]
