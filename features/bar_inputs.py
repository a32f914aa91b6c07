"""What kernels read of a bar, derived once for all of them: returns, counts, and the shared rings.

Edges:  a series' first bar has no previous close: its returns are NaN, and nothing else is.
Cost:   O(1) a bar; 5 numbers and `sum(SLOTS.values())` ring slots a series.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.inputs import MAX_ROWS_PER_SERIES, SLOTS, BarInputs, History
from features.tables import Slots
from schema.bars import BarFlag, Bars
from schema.ticks import Float64, Int32, Int64

SESSION_FIRST = int(BarFlag.SESSION_FIRST)


class SeriesState(NamedTuple):
    """What the next bar of a series is compared with, arrays of shape (series,)."""

    n: Int64  # bars seen
    session_bar: Int64  # bars seen of the current session
    open: Float64  # of the last bar; meaningless at n = 0
    close: Float64
    reference: Float64


def new_series(n_series: int) -> SeriesState:
    """Return the state before any bar."""
    return SeriesState(*np.zeros((2, n_series), np.int64), *np.zeros((3, n_series)))


def new_history(n_series: int) -> History:
    """Return empty rings."""
    return History(**{name: np.zeros((slots, n_series)) for name, slots in SLOTS.items()})


@njit(cache=True)
def log_ratio(new: float, old: float) -> float:
    """Return log(new / old), to the last bits also where the two are close: at 60,000 a tick of 0.01 is 1.7e-7."""
    change = (new - old) / old
    return math.log1p(change) if abs(change) < 0.5 else math.log(new / old)


class _Derived(NamedTuple):
    series: Int64
    n: Int64
    reference: Float64
    previous_open: Float64
    previous_close: Float64
    log_return: Float64
    reference_return: Float64
    session_bar: Int64


_DTYPES = (np.int64, np.int64, *5 * (np.float64,), np.int64)


@njit(cache=True, error_model="numpy")
def _derive(
    state: SeriesState,
    n_timeframes: int,
    symbol: Int32,
    timeframe: Int32,
    open_: Float64,
    close: Float64,
    mid: Float64,
    flags: NDArray[np.uint16],
    out: _Derived,
) -> None:
    seen, session_bar, opens, closes, references = state
    for k in range(len(symbol)):
        i = np.int64(symbol[k]) * n_timeframes + timeframe[k]
        reference = close[k] if math.isnan(mid[k]) else mid[k]
        if seen[i] == 0:
            out.previous_open[k] = out.previous_close[k] = out.log_return[k] = out.reference_return[k] = np.nan
        else:
            out.previous_open[k], out.previous_close[k] = opens[i], closes[i]
            out.log_return[k] = log_ratio(close[k], closes[i])
            out.reference_return[k] = log_ratio(reference, references[i])
        seen[i] += 1
        session_bar[i] = 1 if flags[k] & SESSION_FIRST else session_bar[i] + 1
        opens[i], closes[i], references[i] = open_[k], close[k], reference
        out.series[k], out.n[k], out.session_bar[k], out.reference[k] = i, seen[i], session_bar[i], reference


def bar_inputs(state: SeriesState, bars: Bars, n_timeframes: int) -> BarInputs:
    """Return n bars as kernels read them and advance the state; given columns are shared, not copied."""
    n = len(bars.time)
    derived = _Derived._make(np.empty(n, dtype) for dtype in _DTYPES)
    _derive(state, n_timeframes, bars.symbol, bars.timeframe, bars.open, bars.close, bars.mid, bars.flags, derived)
    return BarInputs(
        series=derived.series,
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        n=derived.n,
        time=bars.time,
        start=bars.start,
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        volume=bars.volume,
        notional=bars.notional,
        trades=bars.trades,
        quotes=bars.quotes,
        bid=bars.bid,
        ask=bars.ask,
        mid=bars.mid,
        reference=derived.reference,
        previous_open=derived.previous_open,
        previous_close=derived.previous_close,
        log_return=derived.log_return,
        reference_return=derived.reference_return,
        flags=bars.flags,
        phase=bars.phase,
        session_open=bars.session_open,
        session_close=bars.session_close,
        session_bar=derived.session_bar,
    )


@njit(cache=True)
def push(history: History, bars: BarInputs, first: int) -> int:
    """Put bars `first ..` into the rings and return where it stopped.

    It stops before a series gets more than MAX_ROWS_PER_SERIES rows, so that the longest window before each of
    them is still in its ring when the kernels run.
    """
    n, series, last = bars.n, bars.series, len(bars.n)
    if last - first > MAX_ROWS_PER_SERIES:
        pushed = np.zeros(history.close.shape[1], np.int64)
        for k in range(first, last):
            pushed[series[k]] += 1
            if pushed[series[k]] > MAX_ROWS_PER_SERIES:
                last = k
                break
    for ring, values in (
        (history.high, bars.high),
        (history.low, bars.low),
        (history.close, bars.close),
        (history.volume, bars.volume),
        (history.log_return, bars.log_return),
    ):
        for k in range(first, last):
            ring[(n[k] - 1) & (len(ring) - 1), series[k]] = values[k]
    return last


def _pushed(slots: int, history: History, bars: BarInputs) -> Int64:
    """Return the slots that `push` puts bars into, in a ring of so many."""
    return (bars.n - 1) & (slots - 1)


RINGS: Final = {name: Slots(0, partial(_pushed, slots)) for name, slots in SLOTS.items()}
