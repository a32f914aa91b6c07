"""Publish what a source gives: each of its lanes is a partition, each partition gets its ticks in their order."""

from __future__ import annotations

from typing import Final

import numpy as np

from dataflows.batch import Arrivals
from dataflows.kafka.producer import Delivery
from dataflows.messages.encode import encode_columns, encode_event, encode_heartbeat, encode_singles
from dataflows.messages.formats import Format
from schema.ticks import HEARTBEAT, Bool, Ticks, count, take

_POLL_EVERY: Final = 1024  # messages, so that answers don't pile up


class Publisher:
    """Turns batches into messages: one tick each with its symbol as key, or up to `batch` ticks of a partition.

    A tick's lane is its partition. Sources deal symbols to lanes by a checksum of the name, so the same symbol
    always lands in the same partition of a topic.
    """

    def __init__(self, delivery: Delivery, form: Format = Format.COLUMNS, batch: int = 1000) -> None:
        """Publish by `delivery`; `batch` is the most ticks in a columnar message."""
        self._delivery, self._form, self._batch = delivery, form, batch
        self.ticks = self.heartbeats = self.malformed = 0
        self.newest = 0  # ns, the greatest event time published

    def publish(self, arrivals: Arrivals) -> None:
        """Queue a batch. Rows that the source couldn't read are counted and left out: no message can hold them."""
        ticks, unknown = arrivals.ticks, arrivals.unknown_kinds
        readable = np.ones(count(ticks), np.bool_)
        readable[list(arrivals.malformed)] = False
        self.malformed += len(arrivals.malformed)
        for lane in np.unique(ticks.lane).tolist():
            rows = np.flatnonzero((ticks.lane == lane) & readable)
            if self._form is Format.COLUMNS:
                self._columns(take(ticks, rows), arrivals.names, lane)
            else:
                kinds = {k: unknown[row] for k, row in enumerate(rows.tolist()) if row in unknown} if unknown else {}
                self._singles(take(ticks, rows), arrivals.names, lane, kinds)
        for event in arrivals.events:
            self._delivery.send(encode_event(event), event.lane, Format.JSON, event.symbol.encode() or None)
        self._count(ticks, readable)
        self._delivery.poll()

    def beat(self, ts_event: int, partitions: int) -> None:
        """Tell every partition that `ts_event` (ns UTC) is reached."""
        for partition in range(partitions):
            self._delivery.send(encode_heartbeat(ts_event, self._form), partition, self._form)
        self.heartbeats += partitions

    def _columns(self, ticks: Ticks, names: tuple[str, ...], partition: int) -> None:
        for low in range(0, count(ticks), self._batch):
            message = encode_columns(take(ticks, slice(low, low + self._batch)), names)
            self._delivery.send(message, partition, Format.COLUMNS)

    def _singles(self, ticks: Ticks, names: tuple[str, ...], partition: int, unknown: dict[int, str]) -> None:
        keys = [name.encode(errors="replace") for name in names]
        messages = encode_singles(ticks, names, self._form, unknown)
        for k, (message, code) in enumerate(zip(messages, ticks.symbol.tolist())):
            self._delivery.send(message, partition, self._form, keys[code] if code >= 0 else None)
            if k % _POLL_EVERY == 0:
                self._delivery.poll()

    def _count(self, ticks: Ticks, readable: Bool) -> None:
        beats = int(np.count_nonzero(ticks.kind == HEARTBEAT))
        self.heartbeats += beats
        self.ticks += int(np.count_nonzero(readable)) - beats
        if len(ticks.ts_event):
            self.newest = max(self.newest, int(ticks.ts_event.max()))
