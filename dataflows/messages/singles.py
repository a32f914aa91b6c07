"""Read messages of one tick or event each."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
import numpy as np

from dataflows.messages.formats import Format
from dataflows.messages.names import Names
from dataflows.messages.part import Part, Refused
from dataflows.messages.wire import SingleMessage
from schema.events import Event, EventKind
from schema.ticks import KINDS, UNKNOWN_KIND, Int64, ticks_of

YEAR_2200: Final = 7_258_118_400_000_000_000  # ns UTC
_DECODERS: Final = {
    Format.JSON: (msgspec.json.Decoder(SingleMessage).decode, msgspec.json.Decoder().decode),
    Format.MSGPACK: (msgspec.msgpack.Decoder(SingleMessage).decode, msgspec.msgpack.Decoder().decode),
}
_EVENTS: Final = {str(kind) for kind in EventKind}
_FIELDS: Final = tuple(name for name in SingleMessage.__struct_fields__ if name != "details")
_CELLS: Final = {name: attrgetter(name) for name in _FIELDS}
_DEEP: Final = (ValueError, RecursionError)  # what bytes can make a decoder raise: nested too deep is the second


def read_singles(
    values: Sequence[bytes], places: Sequence[int], form: Format, names: Names
) -> tuple[Part, list[Refused]]:
    """Read messages of one format; `places` says which message of the poll each is."""
    decode, decode_any = _DECODERS[form]
    read: list[SingleMessage] = []
    message: list[int] = []
    refused: list[Refused] = []
    events: list[tuple[int, Event]] = []
    for place, value in zip(places, values):
        try:
            single = decode(value)
        except _DEEP as error:
            refused.append(_saved(value, place, f"{form} message: {error}", decode_any, names))
            continue
        if single.kind in _EVENTS:
            try:
                events.append((place, _event(single)))
            except _DEEP as error:
                refused.append(Refused(place, f"{single.kind} event: {error}", symbol=names.codes([single.symbol])[0]))
            continue
        read.append(single)
        message.append(place)
    return _ticks(read, np.array(message, np.int64), names, events), refused


def _ticks(read: list[SingleMessage], message: Int64, names: Names, events: list[tuple[int, Event]]) -> Part:
    if not read:
        return Part(ticks_of(0), message, events=events)
    columns: dict[str, Any] = {name: list(map(cells, read)) for name, cells in _CELLS.items()}
    kinds = columns["kind"]
    columns["kind"] = [KINDS.get(kind, UNKNOWN_KIND) for kind in kinds]
    columns["symbol"] = names.codes(columns["symbol"])
    columns["ts_recv"] = [
        event if received is None else received for event, received in zip(columns["ts_event"], columns["ts_recv"])
    ]
    unknown = {row: repr(kind[:100]) for row, kind in enumerate(kinds) if kind not in KINDS}
    return Part(ticks_of(len(read), **columns), message, unknown_kinds=unknown, events=events)


def _event(single: SingleMessage) -> Event:
    """Return the event, its details as JSON holds them. Raises ValueError for what can't be kept."""
    if not 0 < single.ts_event < YEAR_2200:
        raise ValueError(f"ts_event={single.ts_event}, expected ns UTC between 1970 and 2200")
    try:
        details = msgspec.json.decode(msgspec.json.encode(single.details or {}))
    except (TypeError, NotImplementedError) as error:
        raise ValueError(f"details that JSON can't hold: {error}") from None
    return Event(single.ts_event, EventKind(single.kind), single.symbol, details=details)


def _saved(value: bytes, place: int, found: str, decode_any: Any, names: Names) -> Refused:
    """Refuse a message, with the time and the symbol in it where those can be read."""
    found = f"{found[:200]}, in {value[:100]!r}"
    try:
        cells = decode_any(value)
    except _DEEP:
        return Refused(place, found)
    if not isinstance(cells, dict):
        return Refused(place, found)
    time, symbol = cells.get("ts_event"), cells.get("symbol")
    readable = isinstance(time, int) and not isinstance(time, bool) and 0 < time < YEAR_2200
    code = names.codes([symbol])[0] if isinstance(symbol, str) else -1
    return Refused(place, found, time if readable else 0, code)  # type: ignore[arg-type]
