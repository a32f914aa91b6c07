"""Read columnar messages: all of a poll in one pass over each column, never a tick by itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

import msgspec
import numpy as np
from msgspec.structs import astuple

from dataflows.messages.formats import VERSION
from dataflows.messages.names import Names
from dataflows.messages.part import Part, Refused
from dataflows.messages.wire import COLUMNS, UNSET, ColumnsMessage
from schema.ticks import NO_SYMBOL, Bool, Int64, Ticks, ticks_of

_DECODE: Final = msgspec.msgpack.Decoder(ColumnsMessage).decode
_NATIVE: Final = {name: dtype.newbyteorder("=") for name, dtype in COLUMNS.items()}
_MAY_BE_EMPTY: Final = {*UNSET, "ts_recv"}

Parts = tuple[Any, ...]  # a message's version, names and columns


def read_tables(values: Sequence[bytes], places: Sequence[int], names: Names) -> tuple[Part, list[Refused]]:
    """Read columnar messages; `places` says which message of the poll each is."""
    tables: list[Parts] = []
    message: list[int] = []
    refused: list[Refused] = []
    for place, value in zip(places, values):
        try:
            table = astuple(_DECODE(value))
        except (ValueError, RecursionError) as error:
            refused.append(Refused(place, f"columns message: {error}, in {value[:40]!r}"))
            continue
        if fault := _fault(table[0], tuple(map(len, table[2:]))):
            refused.append(Refused(place, f"columns message: {fault}"))
            continue
        tables.append(table)
        message.append(place)
    return _joined(tables, np.array(message, np.int64), names), refused


@lru_cache(4_096)  # one producer's messages are of few shapes
def _fault(version: int, lengths: tuple[int, ...]) -> str:
    """Say what is wrong with a message as a whole, whose columns have so many bytes; nothing if nothing is."""
    if version != VERSION:
        return f"version {version}, this reader knows version {VERSION}"
    found = dict(zip(COLUMNS, lengths, strict=True))
    n = found["kind"]
    for name, length in found.items():
        size = COLUMNS[name].itemsize
        if length != n * size and (length or name not in _MAY_BE_EMPTY):
            return f"{name} has {length} bytes, expected {n * size} for {n} ticks"
    return ""


def _joined(tables: list[Parts], message: Int64, names: Names) -> Part:
    lengths = [len(kind) for _, _, _, kind, *_ in tables]
    if not (n := sum(lengths)):
        return Part(ticks_of(0), np.zeros(0, np.int64))
    sizes = np.array(lengths, np.int64)
    _, tables_of_names, *columns = zip(*tables)
    parts: dict[str, Sequence[bytes]] = dict(zip(COLUMNS, columns, strict=True))
    if not all(parts["ts_recv"]):
        parts["ts_recv"] = [received or event for received, event in zip(parts["ts_recv"], parts["ts_event"])]
    joined: dict[str, Any] = {name: _column(name, parts[name], lengths) for name in COLUMNS}
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    joined["symbol"], strangers = _codes(tables_of_names, joined["symbol"], sizes, names)
    ticks = Ticks(
        **joined, lane=np.zeros(n, np.int32), offset=np.zeros(n, np.int64),
        index=(np.arange(n) - first).astype(np.int32),
    )  # fmt: skip
    return Part(ticks, np.repeat(message, sizes), malformed=_malformed(ticks, strangers))


def _column(name: str, parts: Sequence[bytes], lengths: Sequence[int]) -> np.ndarray:
    """Join a column of all messages. Into a bytearray: numpy's view of it is writable, and no copy."""
    if not all(parts):
        unset = UNSET.get(name, b"")  # without one only a message of no ticks has none
        parts = [part or unset * n for part, n in zip(parts, lengths)]
    return np.frombuffer(bytearray().join(parts), COLUMNS[name]).astype(_NATIVE[name], copy=False)


def _codes(tables: Sequence[Sequence[str]], symbol: Any, sizes: Int64, names: Names) -> tuple[np.ndarray, Bool]:
    """Turn indices into each message's own names into codes; say which rows point outside of them."""
    lengths = np.array(list(map(len, tables)), np.int64)
    codes = names.codes_array(list(chain.from_iterable(tables)))
    begin, length = np.repeat(np.cumsum(lengths) - lengths, sizes), np.repeat(lengths, sizes)
    strangers = (symbol < NO_SYMBOL) | (symbol >= length)
    named = (symbol >= 0) & ~strangers
    if named.all():
        return codes[begin + symbol], strangers
    found = np.full(len(symbol), NO_SYMBOL, np.int32)
    found[named] = codes[(begin + symbol)[named]]
    return found, strangers


def _malformed(ticks: Ticks, strangers: Bool) -> dict[int, str]:
    odd = np.abs(ticks.side.astype(np.int16)) > 1
    if not (odd.any() or strangers.any()):
        return {}
    found = dict.fromkeys(np.flatnonzero(strangers).tolist(), "symbol outside of the message's names")
    for row in np.flatnonzero(odd).tolist():
        found[row] = f"side={ticks.side[row]}"
    ticks.side[odd] = 0
    return found
