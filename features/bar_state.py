"""The state of open bars: what each symbol last showed, what each series has gathered.

Records, not one array a field: a tick touches nearly all fields of one symbol, which then lie side by side, and a
kernel call passes one array instead of thirty.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Records = NDArray[np.void]

NO_BOUNDARY: Final = (1 << 63) - 1

SYMBOL: Final = np.dtype(
    [
        ("price", "f8"),  # last trade, else last mid; NaN before the first
        ("bid", "f8"),  # last quote, NaN where it has no usable mid
        ("bid_size", "f8"),
        ("ask", "f8"),
        ("ask_size", "f8"),
        ("offset", "i8"),  # origin of its last tick
        ("session", "i8"),  # start of the session it was last seen in, -1 before the first
        ("lane_began", "i8"),  # ns, when the lane of its first tick began: nothing before it was seen
        ("lane", "i4"),
        ("index", "i4"),
        ("traded", "i4"),  # whether it ever traded
        ("halted", "i4"),
    ]
)

SERIES: Final = np.dtype(
    [
        ("open_since", "i8"),  # ns, start of the open bar; 0 where none is open
        ("open", "f8"),
        ("high", "f8"),
        ("low", "f8"),
        ("close", "f8"),
        ("volume", "f8"),
        ("notional", "f8"),
        ("trades", "i8"),
        ("quotes", "i8"),
        ("sequence", "i8"),  # bars closed
        ("session_bars", "i8"),  # bars closed in the symbol's session
        ("touched", "i8"),  # whether a price came into the open bar
    ]
)

CLOCK: Final = np.dtype(
    [
        ("kind", "i8"),  # BarKind
        ("every", "f8"),
        ("boundary", "i8"),  # ns, when the open bars close; NO_BOUNDARY where none is open
        ("began", "i8"),  # ns, when they began
    ]
)


def symbol_records(n_symbols: int) -> Records:
    """Return (S,) records of symbols that showed nothing yet."""
    records = np.zeros(n_symbols, SYMBOL)
    for field in ("price", "bid", "bid_size", "ask", "ask_size"):
        records[field] = np.nan
    records["session"] = records["lane_began"] = -1
    return records


def series_records(n_symbols: int, n_timeframes: int) -> Records:
    """Return (S, timeframes) records without an open bar."""
    return np.zeros((n_symbols, n_timeframes), SERIES)


def clock_records(kinds: list[int], every: list[float]) -> Records:
    """Return (timeframes,) records of a stream that has not begun."""
    records = np.zeros(len(kinds), CLOCK)
    records["kind"], records["every"] = kinds, every
    records["boundary"] = NO_BOUNDARY
    return records
