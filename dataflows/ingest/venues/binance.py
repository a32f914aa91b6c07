"""Binance Spot: public trades and best quotes.

Source: "WebSocket Streams for Binance" (developers.binance.com, binance-spot-api-docs/web-socket-streams): general
information, "Live Subscribing", "Trade Streams" and "Individual Symbol Book Ticker Streams".

Edges:  a book ticker carries no time, so its ticks get the venue's time as the trades show it (`clock.py`); its
        update ids rise, but not by one, so a lost quote on a living connection can't be seen. Trade ids rise by one a
        symbol. Connections end after 24 hours. There are no heartbeats, only ping frames: silence is a stall.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from dataflows.ingest.venue import Complaint, Message, Number, Quote, Trade, Unreadable, checked_time

STREAMS_A_MESSAGE: Final = 300  # the feed takes five messages a second; 1024 streams are four
_MICROSECONDS_FROM: Final = 100_000_000_000_000  # a number of milliseconds this large would be the year 5138


class _Trade(Struct):
    """`<symbol>@trade`."""

    symbol: str = field(name="s")
    number: Number = field(name="t")  # Trade ID
    price: str = field(name="p")
    quantity: str = field(name="q")
    time: int = field(name="T")  # Trade time: ms, or us where the address asks for them
    buyer_is_maker: bool = field(name="m")


class _Quote(Struct):
    """`<symbol>@bookTicker`."""

    number: Number = field(name="u")  # order book updateId
    symbol: str = field(name="s")
    bid: str = field(name="b")
    bid_quantity: str = field(name="B")
    ask: str = field(name="a")
    ask_quantity: str = field(name="A")


class _Envelope(Struct):
    """What stands around a payload on a combined stream, and what answers a request."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw(b"")
    id: int | str | None = None
    result: Any = msgspec.UNSET  # null where a subscription succeeded
    error: dict[str, Any] | None = None
    code: int | None = None
    msg: str = ""


class _Event(Struct):
    kind: str = field(name="e", default="")


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope).decode
_TRADE: Final = msgspec.json.Decoder(_Trade).decode
_QUOTE: Final = msgspec.json.Decoder(_Quote).decode
_EVENT: Final = msgspec.json.Decoder(_Event).decode


class Binance:
    """`dataflows.ingest.venue.Venue` of Binance Spot."""

    name = "binance"
    url = "wss://stream.binance.com:9443/stream?timeUnit=MICROSECOND"
    stall_s = 30.0
    most_symbols = 512  # two streams a symbol, at most 1024 a connection

    def subscriptions(self, symbols: Sequence[str]) -> list[str]:
        """Ask for `trade` and `bookTicker` of each symbol, in few messages."""
        streams = [f"{symbol.lower()}@{stream}" for symbol in symbols for stream in ("trade", "bookTicker")]
        parts = [streams[at : at + STREAMS_A_MESSAGE] for at in range(0, len(streams), STREAMS_A_MESSAGE)]
        return [
            msgspec.json.encode({"method": "SUBSCRIBE", "params": part, "id": k}).decode()
            for k, part in enumerate(parts, 1)
        ]

    def parse(self, raw: bytes) -> Sequence[Message]:
        """Read one message of a combined stream, or the answer to a subscription."""
        envelope = _ENVELOPE(raw)
        kind = envelope.stream.rpartition("@")[2]
        if kind == "trade":
            return (_trade(_TRADE(envelope.data)),)
        if kind == "bookTicker":
            return (_quote(_QUOTE(envelope.data)),)
        if envelope.error is not None or envelope.code is not None:
            return (Complaint(f"{envelope.error or {'code': envelope.code, 'msg': envelope.msg}}"),)
        if envelope.stream or envelope.result is not msgspec.UNSET:
            return ()
        event = _EVENT(envelope.data if bytes(envelope.data) else raw).kind
        if event == "serverShutdown":
            return (Complaint("serverShutdown: the server is about to go away"),)
        if event:
            return ()
        raise Unreadable("a message without stream, result or event")


def _trade(found: _Trade) -> Trade:
    side = -1 if found.buyer_is_maker else 1  # the aggressor is the taker
    return Trade(found.symbol, _ns(found.time), found.number, float(found.price), float(found.quantity), side)


def _quote(found: _Quote) -> Quote:
    sides = float(found.bid), float(found.bid_quantity), float(found.ask), float(found.ask_quantity)
    return Quote(found.symbol, 0, found.number, *sides)


def _ns(time: int) -> int:
    return checked_time(time * 1_000 if time >= _MICROSECONDS_FROM else time * 1_000_000)
