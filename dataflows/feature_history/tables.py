"""From Arrow tables of a feature history back to bars and feature rows, and which rows answer a question of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataflows.feature_history.files import BAR_FIELDS, VALIDITY
from schema.bars import Bars, zero_bars
from schema.ticks import Float64, Int32, Int64, UInt8


def bars_of(table: pa.Table, symbols: Sequence[str]) -> Bars:
    """Return the bars of a table with all bar columns; ids are places in `symbols`, origins are 0.

    One that was written before there was a basis has none: nothing was split.
    """
    bars = zero_bars(table.num_rows)
    for name, field, kind in BAR_FIELDS:
        if field == "basis" and name not in table.column_names:
            continue
        if field == "symbol":
            bars.symbol[...] = ids_of(table, symbols)
        else:
            getattr(bars, field)[...] = times_of(table, name) if pa.types.is_timestamp(kind) else _numbers(table, name)
    return bars


def ids_of(table: pa.Table, symbols: Sequence[str]) -> Int32:
    """Return each row's place in `symbols`."""
    found = pc.index_in(table.column("symbol").cast(pa.string()), pa.array(symbols, pa.string()))
    return np.asarray(found.to_numpy(), np.int32)


def times_of(table: pa.Table, name: str = "time") -> Int64:
    """Return a column of times as ns UTC."""
    return np.asarray(table.column(name).cast(pa.int64()).to_numpy())


def values_of(table: pa.Table, names: Sequence[str]) -> Float64:
    """Return columns as a matrix (n, F)."""
    values = np.empty((table.num_rows, len(names)))
    for k, name in enumerate(names):
        values[:, k] = _numbers(table, name)
    return values


def why_of(table: pa.Table, places: Sequence[int], width: int) -> UInt8:
    """Return the validity of the features at `places` of `width` as a matrix (n, F)."""
    column = table.column(VALIDITY).cast(pa.binary(width))
    parts = [_words(chunk, width)[:, places] for chunk in column.chunks]
    return np.concatenate(parts) if parts else np.zeros((0, len(places)), np.uint8)


def _words(chunk: pa.Array, width: int) -> UInt8:
    if not len(chunk):
        return np.zeros((0, width), np.uint8)
    every = np.frombuffer(chunk.buffers()[1], np.uint8)
    return every[chunk.offset * width : (chunk.offset + len(chunk)) * width].reshape(-1, width)


def _numbers(table: pa.Table, name: str) -> NDArray[Any]:
    return np.asarray(table.column(name).to_numpy())


def last_rows(time: Int64, ids: Int32, asked_time: Int64, asked: Int64, staleness_ns: int) -> Int64:
    """Return for each asked time (ns) and id the row of that id with the last time at or before it, -1 for none.

    A row more than `staleness_ns` before is none.
    """
    rows = np.full(len(asked), -1, np.int64)
    order = np.lexsort((time, ids))
    ids = ids[order]
    for symbol in np.unique(asked[asked >= 0]).tolist():
        mine = order[np.searchsorted(ids, symbol, "left") : np.searchsorted(ids, symbol, "right")]
        questions = np.flatnonzero(asked == symbol)
        at = np.searchsorted(time[mine], asked_time[questions], side="right") - 1
        questions, at = questions[at >= 0], mine[at[at >= 0]]
        fresh = asked_time[questions] - time[at] <= staleness_ns
        rows[questions[fresh]] = at[fresh]
    return rows
