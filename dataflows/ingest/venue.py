"""What a venue has to say for itself: addresses, subscriptions, how its messages are read, which numbers they carry.

One file in `dataflows/ingest/venues/` and one line in its `VENUES` add a venue; all the rest is common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

from msgspec import Meta

from schema.ticks import NO_SEQUENCE

LAST_TIME = 7_258_118_400_000_000_000  # 2200-01-01, ns UTC
Number = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]  # of a trade or an update: what a tick's sequence can hold


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade. `number` rises by one from trade to trade of a symbol: a jump is a loss."""

    symbol: str
    time: int  # ns UTC, the venue's
    number: int
    price: float
    size: float
    side: int  # aggressor: +1 buyer, -1 seller


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask. `number` differs from update to update, but need not rise by one."""

    symbol: str
    time: int  # ns UTC, the venue's; 0 where it gives none
    number: int
    bid: float
    bid_size: float
    ask: float
    ask_size: float


@dataclass(frozen=True, slots=True)
class Pulse:
    """The venue is alive at this time; with a symbol, its last trade was that number."""

    time: int  # ns UTC, the venue's
    symbol: str = ""
    last_trade: int = NO_SEQUENCE


@dataclass(frozen=True, slots=True)
class Complaint:
    """The venue refuses something, or says goodbye: the connection is made anew."""

    text: str


Message = Trade | Quote | Pulse | Complaint


class Unreadable(ValueError):
    """A message that is none of the venue's: says what was found."""


class Venue(Protocol):
    """An exchange's public feed of trades and best quotes. Stateless: connections come and go."""

    name: str
    url: str
    stall_s: float  # longest silence of the whole feed; after it the connection is taken for dead
    most_symbols: int  # of one connection

    def subscriptions(self, symbols: Sequence[str]) -> list[str]:
        """Return the messages that ask for trades, quotes and, where there are any, heartbeats of the symbols."""
        ...

    def parse(self, raw: bytes) -> Sequence[Message]:
        """Read one message; what says nothing of the market is empty.

        Raises ValueError for what can't be read; RecursionError may come from bytes nested too deep.
        """
        ...


def checked_time(ns: int) -> int:
    """Return a time in ns UTC. Raises Unreadable for one outside 1970 to 2200."""
    if not 0 < ns < LAST_TIME:
        raise Unreadable(f"time {ns} ns, expected one between 1970 and 2200")
    return ns
