"""Write ticks, heartbeats and events as messages. What is written here, `decode` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from dataflows.messages.formats import VERSION, Format
from dataflows.messages.wire import COLUMNS, UNSET, ColumnsMessage, SingleMessage
from schema.events import Event
from schema.ticks import HEARTBEAT, KINDS, NO_SYMBOL, UNKNOWN_KIND, Ticks, count, ticks_of

_ENCODE: Final = {
    Format.JSON: msgspec.json.Encoder().encode,  # writes NaN as null
    Format.MSGPACK: msgspec.msgpack.Encoder().encode,
}
_KIND_TEXTS: Final = {code: text for text, code in KINDS.items()} | {UNKNOWN_KIND: "unknown"}
_NUMBERS: Final = ("price", "size", "bid", "bid_size", "ask", "ask_size")


def encode_columns(ticks: Ticks, names: Sequence[str]) -> bytes:
    """Return one message of n ticks (and heartbeats) of one partition, in their order.

    `ticks.symbol` indexes `names`, -1 where there is none (heartbeats); only names that occur are sent. `lane`,
    `offset` and `index` are not sent: the reader knows them by where the message stands. Columns without a value are
    left out. About 15 us a message and 20 ns a tick, 50 to 83 bytes a tick before Kafka's compression.
    """
    table, symbol = _pruned(ticks, names)
    columns = {name: getattr(ticks, name).astype(dtype, copy=False).tobytes() for name, dtype in COLUMNS.items()}
    columns["symbol"] = symbol.astype("<i4", copy=False).tobytes()
    if columns["ts_recv"] == columns["ts_event"]:
        columns["ts_recv"] = b""
    for name, unset in UNSET.items():
        if columns[name] == unset * count(ticks):
            columns[name] = b""
    return msgspec.msgpack.encode(ColumnsMessage(VERSION, table, **columns))


def _pruned(ticks: Ticks, names: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return the names that occur, and each tick's index into them."""
    codes, place = np.unique(ticks.symbol, return_inverse=True)
    unnamed = int(np.count_nonzero(codes < 0))
    return [names[code] for code in codes[unnamed:].tolist()], np.maximum(place - unnamed, NO_SYMBOL)


def encode_singles(
    ticks: Ticks, names: Sequence[str], form: Format = Format.JSON, unknown_kinds: Mapping[int, str] | None = None
) -> list[bytes]:
    """Return one message a tick (or heartbeat), in their order, as JSON or msgpack. About 1.5 us each.

    `ticks.symbol` indexes `names`. NaN is sent as null. `unknown_kinds` is the text of rows of UNKNOWN_KIND.
    """
    encode = _ENCODE[form]
    kinds = [_KIND_TEXTS.get(kind, str(kind)) for kind in ticks.kind.tolist()]
    for row, text in (unknown_kinds or {}).items():
        kinds[row] = text.strip("'")
    symbols = [names[code] if code >= 0 else "" for code in ticks.symbol.tolist()]
    received = [
        None if same else time for same, time in zip(ticks.ts_recv == ticks.ts_event, ticks.ts_recv.tolist())
    ]  # fmt: skip
    numbers = [_numbers(getattr(ticks, name)) for name in _NUMBERS]
    rows = zip(
        ticks.ts_event.tolist(), kinds, symbols, received, *numbers, ticks.side.tolist(), ticks.conditions.tolist(),
        ticks.sequence.tolist(),
    )  # fmt: skip
    return [encode(SingleMessage(*row)) for row in rows]


def _numbers(column: np.ndarray) -> list[float | None]:
    return [None if x != x else x for x in column.tolist()]


def encode_event(event: Event, form: Format = Format.JSON) -> bytes:
    """Return the message of one market event; its lane and offset are where the message will stand."""
    return _ENCODE[form](
        SingleMessage(event.ts_event, str(event.kind), event.symbol, details=event.details or None)
    )  # fmt: skip


def encode_heartbeat(ts_event: int, form: Format = Format.COLUMNS) -> bytes:
    """Return a message that says only: this partition has reached the event time `ts_event` (ns UTC)."""
    if form is Format.COLUMNS:
        return encode_columns(ticks_of(1, ts_event=ts_event, kind=HEARTBEAT), ())
    return _ENCODE[form](SingleMessage(ts_event, "heartbeat"))
