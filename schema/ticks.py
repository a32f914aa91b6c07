"""Market ticks as columns: what a source hands over and every later station reads."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
UInt8 = NDArray[np.uint8]

TRADE: Final = 0
QUOTE: Final = 1
HEARTBEAT: Final = 2  # carries only event time: it moves the watermark of an idle lane
UNKNOWN_KIND: Final = 255  # the gate turns these into dead letters

KINDS: Final = {"trade": TRADE, "quote": QUOTE, "heartbeat": HEARTBEAT}

NO_SYMBOL: Final = -1
NO_SEQUENCE: Final = -1


class Ticks(NamedTuple):
    """n ticks, one array of shape (n,) a field. A named tuple, so that a numba kernel takes it whole.

    `len(ticks)` is the number of *fields*; the number of ticks is `count(ticks)`.
    Quote fields are NaN on trades, and the other way round.
    """

    ts_event: Int64  # ns UTC, when the venue says it happened
    ts_recv: Int64  # ns UTC, when it was recorded; equals ts_event in history without it
    symbol: Int32  # before the gate an index into `Arrivals.names`, behind it the universe's id
    kind: NDArray[np.uint8]  # TRADE, QUOTE, HEARTBEAT, UNKNOWN_KIND
    price: Float64  # quote currency
    size: Float64  # shares, contracts or coins
    bid: Float64
    bid_size: Float64
    ask: Float64
    ask_size: Float64
    side: NDArray[np.int8]  # aggressor: +1 buyer, -1 seller, 0 not given
    conditions: NDArray[np.uint32]  # trade condition bits of the venue
    sequence: Int64  # the venue's own number, NO_SEQUENCE where it gives none
    lane: Int32  # index into the source's lanes (partitions)
    offset: Int64  # position in the lane's log: Kafka offset, or the row over all replayed files
    index: Int32  # type: ignore[assignment]  # position inside the message; shadows tuple.index


_DTYPES: Final = (
    np.int64, np.int64, np.int32, np.uint8,
    np.float64, np.float64, np.float64, np.float64, np.float64, np.float64,
    np.int8, np.uint32, np.int64, np.int32, np.int64, np.int32,
)  # fmt: skip
_UNSET: Final = dict(zip(Ticks._fields, (0, 0, NO_SYMBOL, UNKNOWN_KIND, *[np.nan] * 6, 0, 0, NO_SEQUENCE, 0, 0, 0)))


def count(ticks: Ticks) -> int:
    """Return how many ticks there are."""
    return len(ticks.ts_event)


def ticks_of(n: int, **columns: object) -> Ticks:
    """Make n ticks of the given columns; the others hold their 'unset' value (NaN, -1 or 0).

    `ts_recv` defaults to `ts_event`.
    """
    unknown = columns.keys() - set(Ticks._fields)
    if unknown:
        raise TypeError(f"ticks have no column {sorted(unknown)}; they have {list(Ticks._fields)}")
    columns.setdefault("ts_recv", columns.get("ts_event", 0))
    arrays = []
    for field, dtype in zip(Ticks._fields, _DTYPES):
        given = columns.get(field, _UNSET[field])
        arrays.append(np.array(np.broadcast_to(np.asarray(given, dtype), (n,)), order="C"))
    return Ticks._make(arrays)


def take(ticks: Ticks, rows: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Ticks:
    """Return the given rows (mask, indices or slice)."""
    return Ticks._make(column[rows] for column in ticks)


def concat(parts: list[Ticks]) -> Ticks:
    """Join batches in the given order."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return ticks_of(0)
    return Ticks._make(np.concatenate(columns) for columns in zip(*parts))
