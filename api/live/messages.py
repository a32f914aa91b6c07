"""What clients and service say to each other on `/ws/realtime`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from api.live.sockets import text_frame
from schema.timeframes import parse_timeframe

EVERYTHING: Final = "*"
_MOST_SYMBOLS: Final = 5_000


class Wanted(msgspec.Struct, frozen=True):
    """A client's message: all that it wants from now on."""

    symbols: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=64)]], msgspec.Meta(max_length=_MOST_SYMBOLS)
    ]
    update_frequency: Annotated[float, msgspec.Meta(ge=0.1, le=3600)] = 1.0  # s between two updates
    include_spectral: bool = True
    since: int | None = None  # the last sequence it has seen
    timeframe: str | None = None  # the shortest one that is running where it is left out
    jobs: bool = False  # training jobs as well: those that haven't ended, then what changes


_decode = msgspec.json.Decoder(Wanted).decode


def read(text: str | bytes) -> Wanted:
    """Read a client's message. Raises ValueError with what was found and expected."""
    try:
        wanted = _decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(
            f'{error}; expected {{"symbols": [...], "update_frequency": seconds, "include_spectral": true}}'
        ) from None
    if wanted.timeframe is not None:
        return msgspec.structs.replace(wanted, timeframe=parse_timeframe(wanted.timeframe).name)
    return wanted


class Update(NamedTuple):
    """A series' newest analysis, encoded once for all who hear it."""

    sequence: int
    data: bytes  # JSON
    alone: bytes  # the frame of the message where it is all that changed


def update(symbol: str, sequence: int, data: bytes) -> Update:
    """Encode an update around its data."""
    head = b'{"type":"prediction","symbol":%b,"sequence":%d,"data":' % (msgspec.json.encode(symbol), sequence)
    return Update(sequence, data, text_frame(head + data + b"}"))


def together(parts: Sequence[Update]) -> bytes:
    """Return the frame of one message with the updates of one moment."""
    data = msgspec.Raw(b"[" + b",".join(part.data for part in parts) + b"]")
    return text_frame(envelope("predictions", data, max(part.sequence for part in parts)))


def envelope(kind: str, data: Any, sequence: int | None = None, symbol: str | None = None) -> bytes:
    """Return a message of the service; `data` may be encoded already."""
    return msgspec.json.encode({"type": kind, "symbol": symbol, "sequence": sequence, "data": data})
