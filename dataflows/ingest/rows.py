"""Collect what was received, message by message, until it is written as columns."""

from __future__ import annotations

from typing import Any, Final

from dataflows.ingest.venue import Quote, Trade
from schema.ticks import HEARTBEAT, NO_SEQUENCE, NO_SYMBOL, QUOTE, TRADE, Ticks, ticks_of

_NAN: Final = float("nan")
_FIELDS: Final = (
    "ts_event", "ts_recv", "symbol", "kind", "price", "size", "bid", "bid_size", "ask", "ask_size", "side", "sequence",
)  # fmt: skip


class Rows:
    """Ticks in order of arrival. `symbol` indexes `names`, the subscribed ones."""

    def __init__(self, names: tuple[str, ...]) -> None:
        """Begin without any."""
        self.names = names
        self._code = {name: code for code, name in enumerate(names)}
        self._rows: list[tuple[Any, ...]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def trade(self, trade: Trade, now: int) -> None:
        """Add a trade that was received `now` (ns UTC)."""
        code = self._code[trade.symbol]
        self._rows.append(
            (trade.time, now, code, TRADE, trade.price, trade.size, _NAN, _NAN, _NAN, _NAN, trade.side, trade.number)
        )

    def quote(self, quote: Quote, time: int, now: int) -> None:
        """Add a quote of the event time `time`."""
        code = self._code[quote.symbol]
        sides = quote.bid, quote.bid_size, quote.ask, quote.ask_size
        self._rows.append((time, now, code, QUOTE, _NAN, _NAN, *sides, 0, quote.number))

    def heartbeat(self, time: int, now: int) -> None:
        """Add a heartbeat: the feed has reached this event time."""
        self._rows.append((time, now, NO_SYMBOL, HEARTBEAT, *[_NAN] * 6, 0, NO_SEQUENCE))

    def take(self) -> Ticks:
        """Return all as columns and begin anew."""
        rows, self._rows = self._rows, []
        return ticks_of(len(rows), **dict(zip(_FIELDS, zip(*rows)))) if rows else ticks_of(0)
