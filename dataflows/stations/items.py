"""Sentiment: items reach the features of a bar that were published before its close."""

from __future__ import annotations

import numpy as np

from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from dataflows.sources.items import ItemLog
from dataflows.universe import Universe
from features.engine import FeatureEngine
from schema.items import Items
from schema.ticks import NO_SYMBOL, Int32


class ItemFeatures:
    """Hand each item to the engine with the first bars that close after it, and fill the item-driven columns.

    Items of a symbol that has not traded or been quoted yet wait until it is in the universe, which is before its
    first bar: which rows see an item never depends on how the stream was cut.
    """

    name = "item_features"

    def __init__(self, engine: FeatureEngine, universe: Universe, log: ItemLog) -> None:
        """Drive the engine's item groups over a log; the engine's own state is in the tick station's snapshot."""
        self.engine, self.universe, self.log = engine, universe, log
        self._next = 0  # of the log's items
        self._waiting = np.zeros(0, np.int64)  # items before it whose symbol is not known yet
        self._feed, self._nothing = log.feed, _items(log, slice(0))

    def step(self, batch: Batch) -> Batch:
        """Fill the item-driven columns of `features`."""
        if batch.features is not None and batch.inputs is not None:
            items = self._published(int(batch.bars.time[-1])) if len(batch.bars.time) else self._nothing
            self.engine.item_features(items, self._feed, batch.inputs, batch.features)
        return batch

    def _published(self, time: int) -> Items:
        """Take the items before `time` (ns UTC) whose symbols are known, in order."""
        if self._next == len(self.log.items.ts_event) and not len(self._waiting):
            return self._nothing
        end = max(self._next, int(np.searchsorted(self.log.items.ts_event, time)))
        rows = np.concatenate((self._waiting, np.arange(self._next, end)))
        self._next = end
        ids = self.universe.ids(self.log.names) if len(rows) else np.zeros(0, np.int32)
        symbol = ids[self.log.items.symbol[rows]]
        self._waiting = rows[symbol == NO_SYMBOL]
        known = rows[symbol != NO_SYMBOL]
        return _items(self.log, known)._replace(symbol=self._series(symbol[symbol != NO_SYMBOL], known))

    def _series(self, names: Int32, rows: np.ndarray) -> Int32:
        """Return the series of items: news that still use an old name are of the symbol that had it."""
        renames = self.universe.renames
        if not renames:
            return names
        times = self.log.items.ts_event[rows].tolist()
        return np.array([renames.last_meant(*item) for item in zip(names.tolist(), times, strict=True)], np.int32)

    def snapshot(self) -> Snapshot:
        """Return how far the log was read, and which log it was."""
        return {"log": self.log.fingerprint, "next": self._next, "waiting": self._waiting}

    def restore(self, snapshot: Snapshot) -> None:
        """Continue there. Raises ValueError where the log is another one."""
        if snapshot["log"] != self.log.fingerprint:
            raise ValueError(
                f"it was made with the items {snapshot['log'] or 'of no file'}, these are "
                f"{self.log.fingerprint or 'of no file'}; set sentiment.items as it was"
            )
        self._next, self._waiting = int(snapshot["next"]), np.array(snapshot["waiting"], np.int64)


def _items(log: ItemLog, rows: np.ndarray | slice) -> Items:
    return Items._make(column[rows] for column in log.items)
