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


def published(store: Store, namespace: str) -> Stored:
    """Return a reader of the messages that were published above a sequence, in order."""

    def above(sequence: int) -> Iterator[Message]:
        found = next(store.query("SELECT max(sequence) AS newest FROM predictions"), None)
        newest = (found or {}).get("newest") or 0
        if newest <= sequence:
            return
        begin = max(sequence, newest - MOST)
        for row in store.query("SELECT * FROM predictions WHERE sequence > ? ORDER BY sequence", (begin,)):
            names = (name(row["timeframe"], row["symbol"]) for name in (prediction_channel, prediction_key))
            channel, key = (bus_name(name, namespace) for name in names)
            yield Message(channel, key, msgspec.json.encode(prediction_message(row)), row["sequence"])

    return above
