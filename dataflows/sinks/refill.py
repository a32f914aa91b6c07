"""The published predictions, read again from the store: what the bus missed during an outage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from dataflows.interfaces import Store
from dataflows.sinks.bus import Message, Stored
from schema.channels import prediction_channel, prediction_key
from schema.messages import prediction_message
from schema.stores import bus_name

MOST: Final = 100_000  # sequences that are gone back, as many as the stream keeps
_OVERLAP: Final = 10_000  # sequences read before, so that a bar's first prediction is known to be its first


def published(store: Store, namespace: str) -> Stored:
    """Return a reader of the messages that were published above a sequence, in order.

    A bar has a prediction a model; the champion's comes first in the sequence, and only it was published.
    """

    def above(sequence: int) -> Iterator[Message]:
        found = next(store.query("SELECT max(sequence) AS newest FROM predictions"), None)
        newest = (found or {}).get("newest") or 0
        if newest <= sequence:
            return
        begin, seen = max(sequence, newest - MOST), set[tuple[object, ...]]()
        rows = store.query("SELECT * FROM predictions WHERE sequence > ? ORDER BY sequence", (begin - _OVERLAP,))
        for row in rows:
            bar = row["symbol"], row["timeframe"], row["time"], row["bar_sequence"]
            if bar not in seen and row["sequence"] > begin:
                names = (name(row["timeframe"], row["symbol"]) for name in (prediction_channel, prediction_key))
                channel, key = (bus_name(name, namespace) for name in names)
                yield Message(channel, key, msgspec.json.encode(prediction_message(row)), row["sequence"])
            seen.add(bar)

    return above
