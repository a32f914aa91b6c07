"""Predictions and feature rows into Kafka, beside the store: a checkpoint counts when both have them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dataflows.kafka.client import Cluster, cluster_of
from dataflows.kafka.outlet import Outlet
from dataflows.kafka.topic import ensure
from dataflows.messages.formats import Format
from dataflows.messages.predictions import encode_predictions
from dataflows.messages.rows import encode_features
from dataflows.sinks.state import SinkState
from dataflows.sinks.stores import OpenedStore
from ops.settings import Settings
from schema.kafka import kafka_address, topic_name


class RowTopic:
    """One topic that rows go to; a symbol's rows are in one partition, in their order."""

    def __init__(self, cluster: Cluster, name: str, partitions: int) -> None:
        """Append to `name`; it is made with so many partitions where it isn't there."""
        self._partitions = ensure(cluster, name, partitions).partitions
        self._outlet = Outlet(cluster, name)

    def predictions(self, rows: Mapping[str, Any]) -> None:
        """Send a message a row."""
        for symbol, message in zip(rows["symbol"], encode_predictions(rows)):
            self._outlet.send(message, self._partition(symbol), Format.JSON, symbol.encode())

    def features(self, rows: Mapping[str, Any], names: Sequence[str]) -> None:
        """Send the rows of each partition together."""
        homes = np.array([self._partition(str(symbol)) for symbol in rows["symbol"]])
        for partition in np.unique(homes).tolist():
            chosen = np.flatnonzero(homes == partition)
            part = {name: np.asarray(column)[chosen] for name, column in rows.items()}
            for message in encode_features(part, names):
                self._outlet.send(message, partition, Format.COLUMNS)

    def commit(self, sequence: int) -> None:
        """All messages of the batch were sent."""
        self._outlet.commit(sequence)

    def acknowledged(self) -> int:
        """Return the newest batch that is on the brokers."""
        return self._outlet.acknowledged()

    def flush(self) -> None:
        """Wait until everything is on the brokers."""
        self._outlet.flush()

    def away(self) -> str:
        """Return what to say while the brokers are away, else an empty text."""
        return self._outlet.away()

    def close(self) -> None:
        """Release. Never raises."""
        self._outlet.close()

    def _partition(self, symbol: str) -> int:
        return zlib.crc32(symbol.encode(errors="replace")) % self._partitions


class WithKafka:
    """A store whose predictions and feature rows go to topics as well.

    Messages are at least once: what a resumed run computes again is sent again, with the same content; a reader
    drops what it has by (symbol, timeframe, bar_sequence) and, for predictions, the model version.
    """

    def __init__(self, store: OpenedStore, names: Sequence[str], topics: Mapping[str, RowTopic]) -> None:
        """Send what is appended to the tables in `topics`; `names` are the features' columns."""
        self._store, self._names, self._topics = store, names, topics

    def append(self, table: str, columns: Mapping[str, Sequence[Any] | np.ndarray], sequence: int) -> None:
        """Queue rows for the store and for the table's topic."""
        self._store.append(table, columns, sequence)
        topic = self._topics.get(table)
        if topic is not None and table == "features":
            topic.features(columns, self._names)
        elif topic is not None:
            topic.predictions(columns)

    def commit(self, sequence: int) -> None:
        """Complete a batch at both."""
        self._store.commit(sequence)
        for topic in self._topics.values():
            topic.commit(sequence)

    def acknowledged(self) -> int:
        """Return the newest batch number that both have."""
        return min(self._store.acknowledged(), *(topic.acknowledged() for topic in self._topics.values()))

    def sync(self) -> None:
        """Wait for the store alone."""
        self._store.sync()

    def flush(self) -> None:
        """Wait until both have everything. Raises DependencyAway where the brokers stay away."""
        self._store.flush()
        for topic in self._topics.values():
            topic.flush()

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """Read rows of the store."""
        return self._store.query(sql, parameters)

    def put_meta(self, name: str, value: str) -> None:
        """Queue one value for the store."""
        self._store.put_meta(name, value)

    def get_meta(self, name: str) -> str | None:
        """Return one of the store's values."""
        return self._store.get_meta(name)

    def last_committed(self) -> int:
        """Return the newest batch number in the store."""
        return self._store.last_committed()

    def state(self) -> SinkState:
        """Return how the store is doing and, while that is well, the brokers: then `away`, and checkpoints wait."""
        state = self._store.state()
        said = "; ".join(filter(None, (topic.away() for topic in self._topics.values())))
        return state._replace(name="away", detail=said) if said and state.name == "up" else state

    def close(self) -> None:
        """Release both. Never raises."""
        for topic in self._topics.values():
            topic.close()
        self._store.close()


def with_kafka(store: OpenedStore, settings: Settings, names: Sequence[str]) -> OpenedStore:
    """Return the store, with the topics of the settings beside it if there are any. Raises DependencyAway."""
    urls = {"predictions": settings.kafka.predictions, "features": settings.kafka.features}
    topics = {table: _opened(url, settings) for table, url in urls.items() if url}
    return WithKafka(store, names, topics) if topics else store


def _opened(url: str, settings: Settings) -> RowTopic:
    address = kafka_address(url)
    name = topic_name(address.topic, settings.store.namespace)
    return RowTopic(cluster_of(settings, address.servers), name, settings.kafka.partitions)
