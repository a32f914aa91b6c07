"""Serving: predictions get their numbers and go to whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from dataflows.messages.predictions import encode_predictions
from dataflows.sinks import rows
from dataflows.sinks.bus import Bus, Message, NullBus
from schema.alerts import active_message
from schema.channels import MODELS_ACTIVE, prediction_channel, prediction_key
from schema.predictions import Predictions
from schema.stores import bus_name

PIECE: Final = 125  # predictions that are handed to the bus together: it sends them while the next are encoded


class Serving:
    """Numbers predictions from 1 on, in order, and publishes them.

    The number is part of the snapshot, so a resumed run gives a prediction the number it had.
    """

    def __init__(
        self, bus: Bus, timeframes: rows.Names, origin: rows.Origin, clock: Callable[[], int], namespace: str
    ) -> None:
        """Publish to `bus`; `timeframes` are names by index, `clock` stamps (ns UTC)."""
        self._bus, self._timeframes, self._origin, self._clock = bus, timeframes, origin, clock
        self._namespace, self._publishes = namespace, not isinstance(bus, NullBus)
        self._encode = msgspec.json.Encoder().encode
        self._places: dict[tuple[str, str], tuple[str, str]] = {}  # on the bus, by timeframe and symbol
        self._sequence = 0
        self._champions: dict[str, str] = {}  # by timeframe: the version that spoke last

    def serve(self, batch: Batch, predictions: Sequence[Predictions], symbols: rows.Names) -> None:
        """Publish a batch's predictions and fill `served` with their rows; `symbols` are names by id."""
        spoken = [p for p in predictions if len(p.row)]
        batch.served = []
        if not spoken:
            return
        batch.stamps.enqueued = self._clock()
        for p in spoken:
            columns = rows.prediction_columns(
                p, batch.bars, batch.stamps, self._origin, self._sequence + 1, symbols, self._timeframes
            )
            if self._publishes:
                self._publish(columns)
                batch.stamps.published = self._clock()
            batch.served.append(columns)
            self._sequence += len(p.row)
        self._announce_champions(spoken)

    def tell(self, channel: str, messages: Sequence[dict[str, Any]]) -> None:
        """Send messages without a key to a channel: who listens gets them, none is kept."""
        if self._publishes:
            place = bus_name(channel, self._namespace)
            self._bus.publish_all([Message(place, "", self._encode(message), 0) for message in messages])

    def snapshot(self) -> Snapshot:
        """Return the newest number and the champions."""
        return {"sequence": self._sequence, "champions": dict(self._champions)}

    def restore(self, snapshot: Snapshot) -> None:
        """Go on numbering there."""
        self._sequence, self._champions = int(snapshot["sequence"]), dict(snapshot["champions"])

    def _announce_champions(self, spoken: Sequence[Predictions]) -> None:
        """Tell of each new champion, behind the first predictions it makes."""
        for p in sorted((p for p in spoken if not p.challenger), key=lambda p: int(p.time[0])):
            timeframe = str(self._timeframes[p.timeframe[0]])
            before = self._champions.get(timeframe, "")
            if before != p.model_version:
                self._champions[timeframe] = p.model_version
                self.tell(MODELS_ACTIVE, [active_message(timeframe, p.model_version, before, int(p.time[0]))])

    def _publish(self, columns: dict[str, Any]) -> None:
        """Send each prediction as the JSON that the API answers with."""
        for first in range(0, len(columns["sequence"]), PIECE):
            piece = {name: column[first : first + PIECE] for name, column in columns.items()}
            places = map(self._place, piece["timeframe"], piece["symbol"])
            encoded = zip(places, encode_predictions(piece), piece["sequence"].tolist())
            self._bus.publish_all([Message(*place, body, sequence) for place, body, sequence in encoded])

    def _place(self, timeframe: str, symbol: str) -> tuple[str, str]:
        """Return the channel and the key of a series' predictions; made once."""
        place = self._places.get((timeframe, symbol))
        if place is None:
            names = prediction_channel(timeframe, symbol), prediction_key(timeframe, symbol)
            place = bus_name(names[0], self._namespace), bus_name(names[1], self._namespace)
            self._places[timeframe, symbol] = place
        return place
