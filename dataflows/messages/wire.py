"""The messages as types: what an encoder writes, what a decoder checks, what docs/messages.md shows.

Fields are only appended, with a default; a reader ignores those it doesn't know.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import numpy as np
from msgspec import Meta, Struct

from dataflows.messages.formats import VERSION

_Int64 = Meta(ge=-(1 << 63), le=(1 << 63) - 1)
Time = Annotated[int, _Int64, Meta(description="ns UTC since 1970")]
Number = Annotated[float | None, Meta(description="null or absent: not given")]


class SingleMessage(Struct, omit_defaults=True, gc=False):
    """One tick, heartbeat or market event, as a JSON object or a msgpack map."""

    ts_event: Annotated[Time, Meta(description="when the venue says it happened, ns UTC since 1970")]
    kind: Annotated[
        str,
        Meta(
            description="trade, quote, heartbeat (event time only: it moves its partition on), or an event: listed, "
            "delisted, renamed, halt, resume, auction, correction, cancel, split, dividend, gap, end"
        ),
    ]
    symbol: Annotated[str, Meta(description="empty on heartbeats, and on events that concern every symbol")] = ""
    ts_recv: Annotated[Time | None, Meta(description="when it was received, ns; absent: ts_event")] = None
    price: Annotated[Number, Meta(description="of a trade, quote currency")] = None
    size: Annotated[Number, Meta(description="of a trade: shares, contracts or coins")] = None
    bid: Annotated[Number, Meta(description="of a quote; null where that side is empty")] = None
    bid_size: Number = None
    ask: Annotated[Number, Meta(description="of a quote; null where that side is empty")] = None
    ask_size: Number = None
    side: Annotated[int, Meta(ge=-1, le=1, description="aggressor: 1 buyer, -1 seller, 0 not given")] = 0
    conditions: Annotated[int, Meta(ge=0, le=(1 << 32) - 1, description="trade condition bits of the venue")] = 0
    sequence: Annotated[int, _Int64, Meta(description="the venue's own number, -1: none")] = -1
    details: Annotated[
        dict[str, Any] | None, Meta(description='of an event, e.g. {"ratio": 7} of a split')
    ] = None  # fmt: skip


def _column(dtype: str, text: str) -> Any:
    return Meta(description=f"{dtype}, little-endian; {text}", extra_json_schema={"undertone-dtype": dtype})


class ColumnsMessage(Struct, array_like=True, gc=False):
    """n ticks and heartbeats of one partition, as a msgpack array: version, names, then a byte string a column.

    Each byte string is n numbers, raw; one that may be empty then stands for n unset values.
    """

    version: Annotated[int, Meta(description=f"{VERSION}")]
    names: Annotated[list[str], Meta(description="the symbols, which `symbol` indexes")]
    ts_event: Annotated[bytes, _column("<i8", "ns UTC")]
    kind: Annotated[bytes, _column("u1", "0 trade, 1 quote, 2 heartbeat; its length is n")]
    symbol: Annotated[bytes, _column("<i4", "index into names, -1: none; empty: none has one")] = b""
    ts_recv: Annotated[bytes, _column("<i8", "ns UTC; empty: ts_event")] = b""
    price: Annotated[bytes, _column("<f8", "NaN: not given, here and below; empty: all NaN")] = b""
    size: Annotated[bytes, _column("<f8", "may be empty")] = b""
    bid: Annotated[bytes, _column("<f8", "may be empty")] = b""
    bid_size: Annotated[bytes, _column("<f8", "may be empty")] = b""
    ask: Annotated[bytes, _column("<f8", "may be empty")] = b""
    ask_size: Annotated[bytes, _column("<f8", "may be empty")] = b""
    side: Annotated[bytes, _column("i1", "empty: all 0")] = b""
    conditions: Annotated[bytes, _column("<u4", "empty: all 0")] = b""
    sequence: Annotated[bytes, _column("<i8", "empty: all -1")] = b""


COLUMNS: Final[dict[str, np.dtype[Any]]] = {
    "ts_event": np.dtype("<i8"), "kind": np.dtype("u1"), "symbol": np.dtype("<i4"), "ts_recv": np.dtype("<i8"),
    **dict.fromkeys(("price", "size", "bid", "bid_size", "ask", "ask_size"), np.dtype("<f8")),
    "side": np.dtype("i1"), "conditions": np.dtype("<u4"), "sequence": np.dtype("<i8"),
}  # fmt: skip
UNSET: Final = {  # the bytes of one unset value
    name: np.array(value, COLUMNS[name]).tobytes()
    for name, value in {
        "symbol": -1, **dict.fromkeys(("price", "size", "bid", "bid_size", "ask", "ask_size"), np.nan), "side": 0,
        "conditions": 0, "sequence": -1,
    }.items()
}  # fmt: skip
