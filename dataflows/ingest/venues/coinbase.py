"""Coinbase Exchange: public matches, tickers (best quotes) and heartbeats.

Source: "Exchange WebSocket Overview" and "Exchange WebSocket Channels" (docs.cdp.coinbase.com,
exchange/websocket-feed): Heartbeat, Ticker and Matches channels, and the match message of the full channel.

Edges:  a ticker comes with a match, not with each change of the book, and cascading matches give one: a lost ticker
        can't be seen. `side` of a match is the maker's. The first match after a subscription is `last_match`: an old
        trade, new only if it was missed. A heartbeat a second and product names the last trade, so that a lost one
        shows although nothing follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from dataflows.ingest.venue import Complaint, Message, Number, Pulse, Quote, Trade, checked_time
from schema.times import parse_iso


class _Kind(Struct):
    type: str


class _Match(Struct):
    """`match` and `last_match` of the channel `matches`."""

    trade_id: Number
    product_id: str
    size: str
    price: str
    side: str  # the maker's
    time: str


class _Ticker(Struct):
    """`ticker`: the state of the book behind a match."""

    sequence: Number
    product_id: str
    best_bid: str
    best_bid_size: str
    best_ask: str
    best_ask_size: str
    time: str


class _Heartbeat(Struct):
    last_trade_id: Number
    product_id: str
    time: str


class _Error(Struct):
    message: str = ""
    reason: str = ""


_KIND: Final = msgspec.json.Decoder(_Kind).decode
_MATCH: Final = msgspec.json.Decoder(_Match).decode
_TICKER: Final = msgspec.json.Decoder(_Ticker).decode
_HEARTBEAT: Final = msgspec.json.Decoder(_Heartbeat).decode
_ERROR: Final = msgspec.json.Decoder(_Error).decode
_AGGRESSOR: Final = {"buy": -1, "sell": 1}


class Coinbase:
    """`dataflows.ingest.venue.Venue` of Coinbase Exchange."""

    name = "coinbase"
    url = "wss://ws-feed.exchange.coinbase.com"
    stall_s = 10.0  # heartbeats come every second
    most_symbols = 1000

    def subscriptions(self, symbols: Sequence[str]) -> list[str]:
        """Ask for all channels in one message, which must come within five seconds."""
        request: dict[str, Any] = {
            "type": "subscribe", "product_ids": list(symbols), "channels": ["matches", "ticker", "heartbeat"],
        }  # fmt: skip
        return [msgspec.json.encode(request).decode()]

    def parse(self, raw: bytes) -> Sequence[Message]:
        """Read one message; types that aren't known are skipped, as the documentation asks."""
        read = _READ.get(_KIND(raw).type)
        return () if read is None else (read(raw),)


def _match(raw: bytes) -> Trade:
    found = _MATCH(raw)
    price, size = float(found.price), float(found.size)
    return Trade(found.product_id, _ns(found.time), found.trade_id, price, size, _AGGRESSOR.get(found.side, 0))


def _ticker(raw: bytes) -> Quote:
    found = _TICKER(raw)
    sides = float(found.best_bid), float(found.best_bid_size), float(found.best_ask), float(found.best_ask_size)
    return Quote(found.product_id, _ns(found.time), found.sequence, *sides)


def _heartbeat(raw: bytes) -> Pulse:
    found = _HEARTBEAT(raw)
    return Pulse(_ns(found.time), found.product_id, found.last_trade_id)


def _error(raw: bytes) -> Complaint:
    found = _ERROR(raw)
    return Complaint(f"{found.message}: {found.reason}" if found.reason else found.message)


def _ns(text: str) -> int:
    return checked_time(parse_iso(text))


_READ: Final[dict[str, Callable[[bytes], Message]]] = {
    "match": _match, "last_match": _match, "ticker": _ticker, "heartbeat": _heartbeat, "error": _error,
}  # fmt: skip
