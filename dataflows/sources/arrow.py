"""From Arrow columns to ticks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataflows.sources.block import Block, Place
from dataflows.sources.columns import FLOATS, SIDES
from schema.ticks import KINDS, NO_SEQUENCE, NO_SYMBOL, UNKNOWN_KIND, Int64, Ticks

NS_OF_UNIT: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_UNREADABLE_SIDE: Final = 2
_MOST_LANES: Final = 1 << 30


def decode(batch: pa.RecordBatch, columns: dict[str, str], begin: Place) -> Block:
    """Turn a record batch into ticks. `columns` maps each field of a tick to the batch's column for it.

    All arrays are fresh and writable: numba compiles a kernel again for a read-only one.
    """
    n = batch.num_rows

    def column(field: str) -> pa.Array | None:
        return batch.column(columns[field]) if field in columns else None

    symbol, names = coded(batch.column(columns["symbol"]), lambda code, name: code, NO_SYMBOL, np.int32)
    kinds = batch.column(columns["kind"])
    kind, _ = coded(kinds, lambda code, name: KINDS.get(name, UNKNOWN_KIND), UNKNOWN_KIND, np.uint8)
    ts_event = nanoseconds(batch.column(columns["ts_event"]))
    side = sides(column("side"), n)
    ticks = Ticks(
        ts_event=ts_event,
        ts_recv=_received(column("ts_recv"), ts_event),
        symbol=symbol,
        kind=kind,
        **{field: floats(batch.column(columns[field])) for field in FLOATS},
        side=np.where(side == _UNREADABLE_SIDE, np.int8(0), side) if (side == _UNREADABLE_SIDE).any() else side,
        conditions=integers(column("conditions"), n, 0).astype(np.uint32),
        sequence=integers(column("sequence"), n, NO_SEQUENCE),
        lane=np.clip(integers(column("lane"), n, 0), -1, _MOST_LANES).astype(np.int32),
        offset=np.arange(begin.row, begin.row + n, dtype=np.int64),
        index=np.zeros(n, np.int32),
    )
    return Block(
        begin, begin.row + n, ticks, names,
        malformed=_texts(column("side"), side == _UNREADABLE_SIDE, "side="),
        unknown_kinds=_texts(kinds, kind == UNKNOWN_KIND, ""),
    )  # fmt: skip


def coded(
    array: pa.Array, code_of: Callable[[int, str], int], missing: int, dtype: type
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Map a text column by a table over its distinct texts; return the codes and the texts."""
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    texts = tuple(_text(text) for text in array.dictionary.to_pylist())
    table: NDArray[Any] = np.array([*(code_of(code, text) for code, text in enumerate(texts)), missing], dtype)
    indices = pc.fill_null(array.indices.cast(pa.int64()), len(texts)) if array.null_count else array.indices
    return table[indices.to_numpy(zero_copy_only=False)], texts


def nanoseconds(array: pa.Array) -> Int64:
    """Read a time column as ns UTC: 0 where missing, far outside of any year where it doesn't fit."""
    scale = 1
    if pa.types.is_timestamp(array.type):
        scale, array = NS_OF_UNIT[array.type.unit], array.cast(pa.int64())
    values = integers(array, len(array), 0)
    if scale == 1:
        return values
    most = np.iinfo(np.int64).max // scale
    return np.clip(values, -most, most) * scale


def floats(array: pa.Array) -> NDArray[np.float64]:
    """Read a number column as float64, NaN where missing."""
    if not pa.types.is_float64(array.type):
        array = array.cast(pa.float64(), safe=False)
    return np.require(array.to_numpy(zero_copy_only=False), np.float64, ["C", "W"])


def integers(array: pa.Array | None, n: int, missing: int) -> Int64:
    """Read an integer column as int64; a column that is not there is missing throughout."""
    if array is None or pa.types.is_null(array.type):
        return np.full(n, missing, np.int64)
    array = array.cast(pa.int64(), safe=False)
    array = pc.fill_null(array, missing) if array.null_count else array
    return np.require(array.to_numpy(zero_copy_only=False), np.int64, ["C", "W"])


def sides(array: pa.Array | None, n: int) -> NDArray[np.int8]:
    """Read the aggressor's side from numbers or words."""
    if array is None or pa.types.is_null(array.type):
        return np.zeros(n, np.int8)
    if pa.types.is_integer(array.type):
        return np.sign(integers(array, n, 0)).astype(np.int8)
    return coded(array, lambda code, text: SIDES.get(text.strip().lower(), _UNREADABLE_SIDE), 0, np.int8)[0]


def _received(array: pa.Array | None, ts_event: Int64) -> Int64:
    """Where it wasn't recorded, the time of receipt is the event's own."""
    if array is None:
        return ts_event.copy()
    received = nanoseconds(array)
    if not array.null_count:
        return received
    return np.where(array.is_null().to_numpy(zero_copy_only=False), ts_event, received)


def _text(text: str | bytes | None) -> str:
    return text.decode(errors="backslashreplace") if isinstance(text, bytes) else text or ""


def _texts(array: pa.Array | None, rows: NDArray[np.bool_], label: str) -> dict[int, str]:
    if array is None or not rows.any():
        return {}
    return {row: f"{label}{_text(array[row].as_py())[:100]!r}" for row in np.flatnonzero(rows).tolist()}
