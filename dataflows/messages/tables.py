"""Read columnar messages: all of a poll in one pass over each column, never a tick by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

from dataflows.messages.formats import VERSION
from dataflows.messages.names import Names
from dataflows.messages.part import Part, Refused
from dataflows.messages.wire import COLUMNS, UNSET, ColumnsMessage
from schema.ticks import NO_SYMBOL, Bool, Int64, Ticks, ticks_of

_DECODE: Final = msgspec.msgpack.Decoder(ColumnsMessage).decode
_SIZES: Final = {name: dtype.itemsize for name, dtype in COLUMNS.items()}
_MAY_BE_EMPTY: Final = {*UNSET, "ts_recv"}


def read_tables(values: Sequence[bytes], places: Sequence[int], names: Names) -> tuple[Part, list[Refused]]:
    """Read columnar messages; `places` says which message of the poll each is."""
    tables: list[ColumnsMessage] = []
    message: list[int] = []
    refused: list[Refused] = []
    for place, value in zip(places, values):
        try:
            table = _DECODE(value)
        except (ValueError, RecursionError) as error:
            refused.append(Refused(place, f"columns message: {error}, in {value[:40]!r}"))
            continue
        if fault := _fault(table):
            refused.append(Refused(place, f"columns message: {fault}"))
            continue
        tables.append(table)
        message.append(place)
    return _joined(tables, np.array(message, np.int64), names), refused


def _fault(table: ColumnsMessage) -> str:
    """Say what is wrong with a message as a whole, nothing if nothing is."""
    if table.version != VERSION:
        return f"version {table.version}, this reader knows version {VERSION}"
    n = len(table.kind)
    for name, size in _SIZES.items():
        length = len(getattr(table, name))
        if length != n * size and (length or name not in _MAY_BE_EMPTY):
            return f"{name} has {length} bytes, expected {n * size} for {n} ticks"
    return ""


def _joined(tables: list[ColumnsMessage], message: Int64, names: Names) -> Part:
    sizes = np.array([len(table.kind) for table in tables], np.int64)
    n = int(sizes.sum())
    if not n:
        return Part(ticks_of(0), np.zeros(0, np.int64))
    columns = {name: _column(tables, name) for name in COLUMNS}
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    columns["symbol"], strangers = _codes(tables, columns["symbol"], sizes, names)
    ticks = Ticks(
        **{name: column.astype(column.dtype.newbyteorder("="), copy=False) for name, column in columns.items()},
        lane=np.zeros(n, np.int32), offset=np.zeros(n, np.int64), index=(np.arange(n) - first).astype(np.int32),
    )  # fmt: skip
    return Part(ticks, np.repeat(message, sizes), malformed=_malformed(ticks, strangers))


def _column(tables: list[ColumnsMessage], name: str) -> np.ndarray:
    """Join a column of all messages. Into a bytearray: numpy's view of it is writable, and no copy."""
    if name == "ts_recv":
        parts = [table.ts_recv or table.ts_event for table in tables]
    elif name in UNSET:
        parts = [getattr(table, name) or UNSET[name] * len(table.kind) for table in tables]
    else:
        parts = [getattr(table, name) for table in tables]
    return np.frombuffer(bytearray().join(parts), COLUMNS[name])


def _codes(tables: list[ColumnsMessage], symbol: Any, sizes: Int64, names: Names) -> tuple[np.ndarray, Bool]:
    """Turn indices into each message's own names into codes; say which rows point outside of them."""
    lengths = np.array([len(table.names) for table in tables], np.int64)
    codes = names.codes_array([name for table in tables for name in table.names])
    begin, length = np.repeat(np.cumsum(lengths) - lengths, sizes), np.repeat(lengths, sizes)
    strangers = (symbol < NO_SYMBOL) | (symbol >= length)
    named = (symbol >= 0) & ~strangers
    found = np.full(len(symbol), NO_SYMBOL, np.int32)
    found[named] = codes[(begin + symbol)[named]]
    return found, strangers


def _malformed(ticks: Ticks, strangers: Bool) -> dict[int, str]:
    odd = np.abs(ticks.side.astype(np.int16)) > 1
    found = dict.fromkeys(np.flatnonzero(strangers).tolist(), "symbol outside of the message's names")
    for row in np.flatnonzero(odd).tolist():
        found[row] = f"side={ticks.side[row]}"
    ticks.side[odd] = 0
    return found
