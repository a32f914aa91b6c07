"""The venues' messages as their documentation shows them, written independently of the parsers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

TRADE, QUOTE = "trade", "quote"


class Made(NamedTuple):
    """One event of the made-up market."""

    kind: str
    symbol: str
    number: int
    time: int  # ns UTC, whole microseconds
    price: float = 0.0
    size: float = 0.0
    bid: float = 0.0
    ask: float = 0.0
    buyer: bool = True  # the aggressor of a trade

    @property
    def key(self) -> tuple[str, str, int]:
        return self.kind, self.symbol, self.number


def binance(made: Made) -> dict[str, Any]:
    """ "Trade Streams" and "Individual Symbol Book Ticker Streams", on a combined stream, in microseconds."""
    if made.kind == TRADE:
        data = {
            "e": "trade", "E": made.time // 1000, "s": made.symbol, "t": made.number, "p": f"{made.price:.8f}",
            "q": f"{made.size:.8f}", "T": made.time // 1000, "m": not made.buyer, "M": True,
        }  # fmt: skip
        return {"stream": f"{made.symbol.lower()}@trade", "data": data}
    data = {
        "u": made.number, "s": made.symbol, "b": f"{made.bid:.8f}", "B": "31.21000000", "a": f"{made.ask:.8f}",
        "A": "40.66000000",
    }  # fmt: skip
    return {"stream": f"{made.symbol.lower()}@bookTicker", "data": data}


def coinbase(made: Made) -> dict[str, Any]:
    """`match` and `ticker`."""
    time = stamp(made.time)
    if made.kind == TRADE:
        return {
            "type": "match", "trade_id": made.number, "sequence": made.number * 7,
            "maker_order_id": "ac928c66-ca53-498f-9c13-a110027a60e8",
            "taker_order_id": "132fb6ae-456b-4654-b4e0-d681ac05cea1", "time": time, "product_id": made.symbol,
            "size": f"{made.size:.8f}", "price": f"{made.price:.2f}", "side": "sell" if made.buyer else "buy",
        }  # fmt: skip
    return {
        "type": "ticker", "sequence": made.number, "product_id": made.symbol, "price": f"{made.bid:.2f}",
        "open_24h": "1310.79", "volume_24h": "245532.79269678", "low_24h": "1280.52", "high_24h": "1313.8",
        "volume_30d": "9788783.60117027", "best_bid": f"{made.bid:.2f}", "best_bid_size": "0.46688654",
        "best_ask": f"{made.ask:.2f}", "best_ask_size": "1.56637040", "side": "buy", "time": time,
        "trade_id": 370843401, "last_size": "11.4396987",
    }  # fmt: skip


def coinbase_heartbeat(symbol: str, last_trade: int, time: int) -> dict[str, Any]:
    return {
        "type": "heartbeat", "sequence": 90, "last_trade_id": last_trade, "product_id": symbol, "time": stamp(time),
    }  # fmt: skip


def stamp(time: int) -> str:
    """ISO-8601 with microseconds, as Coinbase writes it."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time // 1000)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


WRITERS: dict[str, Callable[[Made], dict[str, Any]]] = {"binance": binance, "coinbase": coinbase}


def text(message: dict[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"))
