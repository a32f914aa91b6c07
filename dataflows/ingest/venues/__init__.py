"""The venues that can be ingested, by name. A new one is a file here and a line below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dataflows.ingest.venue import Venue
from dataflows.ingest.venues.binance import Binance
from dataflows.ingest.venues.coinbase import Coinbase

VENUES: Final[dict[str, Callable[[], Venue]]] = {
    "binance": Binance,
    "coinbase": Coinbase,
}


def venue_of(name: str) -> Venue:
    """Return a venue. Raises ValueError, naming those there are."""
    if name not in VENUES:
        raise ValueError(f"venue {name!r} is not known, expected one of {', '.join(VENUES)}")
    return VENUES[name]()
