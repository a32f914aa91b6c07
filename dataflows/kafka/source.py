"""The topic of ticks: one consumer for all partitions of the process, polled and never waited for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

import numpy as np
from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition
from numpy.typing import ArrayLike

from dataflows.batch import Arrivals
from dataflows.interfaces import EndOfInput, Snapshot
from dataflows.kafka import start
from dataflows.kafka.client import AWAY, Cluster, explained
from dataflows.kafka.groups import Committed
from dataflows.kafka.topic import Topics
from dataflows.kafka.watch import Watch
from dataflows.messages.decode import MAX_BYTES, Decoder
from dataflows.messages.formats import Headers
from dataflows.sources.errors import OtherLog
from ops import metrics
from schema.ticks import Bool, Int64

BATCH_TICKS: Final = 65_536
_MOST_MESSAGES: Final = 10_000
_BYTES_A_TICK: Final = 50  # of the messages that hold the most ticks, those of columns
_LAG_EVERY_S: Final = 1.0
_ANSWER_S: Final = 10.0  # a broker that makes its topic of offsets for the first group takes some
_AWAY_S: Final = 2.0


class Decodes(Protocol):
    """Reads messages."""

    def decode(
        self, values: Sequence[bytes | None], headers: Sequence[Headers | None], lane: ArrayLike, offset: ArrayLike
    ) -> Arrivals:
        """Return what n messages hold, in their order."""
        ...


class KafkaSource:
    """Ticks, heartbeats and events of a static set of partitions; a tick's lane indexes that set.

    Positions are exact to the message. Reading from a position is refused (OtherLog) unless the topic still is the
    same one and holds all that comes next. A broker that goes away while reading is waited for.
    """

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        *,
        partitions: Sequence[int] | None = None,
        begin: str | int = start.EARLIEST,
        group: str = "undertone",
        finite: bool = False,
        batch_ticks: int = BATCH_TICKS,
        max_message_bytes: int = MAX_BYTES,
        decoder: Decodes | None = None,
    ) -> None:
        """Find the topic and where to begin.

        `partitions` None reads all. `begin` is `earliest`, `latest` or ns UTC: what was appended then or later.
        `finite` ends the input at the offsets that the topic has now. A batch holds about `batch_ticks`. Offsets of
        checkpoints are committed to `group`, for others to see; they are never read. `decoder` reads messages; None: of
        ticks.

        Raises DependencyAway where no broker answers in time or there is no such topic, ConfigurationError for
        partitions that it hasn't got.
        """
        self._cluster, self._topics = cluster, Topics(cluster, topic)
        self._topic = self._topics.describe()
        self._partitions = start.chosen(self._topic, partitions)
        self.lanes = tuple(str(partition) for partition in self._partitions)
        self._lane = np.full(self._topic.partitions, -1, np.int64)  # of a partition
        self._lane[list(self._partitions)] = np.arange(len(self._partitions))
        self._next = start.offsets(self._topics, self._partitions, begin)
        self._ends = self._topics.marks(self._partitions)[1] if finite else None
        self._batch_bytes = batch_ticks * _BYTES_A_TICK
        self._rest: list[Any] = []  # polled, not handed out yet
        self._decoder = Decoder(max_message_bytes) if decoder is None else decoder
        self._watch = Watch(self._topics, self._topic)
        self._held = np.zeros(len(self.lanes), np.bool_)
        self._lag_at = 0.0
        self._assigned = False
        self._committed = Committed(topic, self._partitions)
        self._consumer = Consumer(
            cluster.settings(
                group_id=group, enable_auto_commit=False, enable_auto_offset_store=False, auto_offset_reset="error",
                fetch_queue_backoff_ms=2, fetch_wait_max_ms=100, queued_max_messages_kbytes=16_384,
                enable_partition_eof=finite, error_cb=self._on_error, on_commit=self._committed.answered,
            )
        )  # fmt: skip

    def next_batch(self) -> Arrivals | None:
        """Return what has arrived, None if nothing has. Raises EndOfInput at the recorded end of a finite read.

        Raises OtherLog where the topic isn't the one it was any more, or what comes next isn't held any more.
        """
        if not self._assigned:
            self._assign()
        if self._done().all():
            raise EndOfInput
        self._watch.look()
        self._show_lag()
        self._committed.go_on(self._consumer)
        messages = self._polled()
        if not messages:
            return None
        odd = [message for message in messages if message.error() is not None]
        if odd:
            self._judge(odd)
            messages = [message for message in messages if message.error() is None]
        return self._arrivals(messages) if messages else None

    def _polled(self) -> list[Any]:
        """Return messages of about a batch; what a poll brings beyond that, or on lanes held since, waits here.

        Without this bound one poll of large messages could overflow the reorder buffer before lanes are held.
        """
        if self._rest and (chosen := self._cut([])):
            return chosen
        polled: list[Any] = self._consumer.consume(_MOST_MESSAGES, 0)
        if sum(map(len, polled)) <= self._batch_bytes:
            return polled
        return self._cut(polled)

    def _cut(self, polled: list[Any]) -> list[Any]:
        """Return about a batch of what waits and then of what was polled, nothing of held lanes; the others wait."""
        held = {partition for partition, waits in zip(self._partitions, self._held.tolist()) if waits}
        chosen, rest, room = [], [], self._batch_bytes
        for message in (*self._rest, *polled):
            if room <= 0 or message.partition() in held:
                rest.append(message)
            else:
                chosen.append(message)
                room -= len(message)
        self._rest = rest
        return chosen

    def _arrivals(self, messages: list[Any]) -> Arrivals | None:
        lane = self._lane[[message.partition() for message in messages]]
        offset = np.array([message.offset() for message in messages], np.int64)
        if self._ends is not None and (beyond := offset >= self._ends[lane]).any():
            messages = [message for message, out in zip(messages, beyond.tolist()) if not out]
            lane, offset = lane[~beyond], offset[~beyond]
        if not messages:
            return None
        arrivals = self._decoder.decode(
            [message.value() for message in messages], [message.headers() for message in messages], lane, offset
        )
        np.maximum.at(self._next, lane, offset + 1)
        self._watch.heard()
        return arrivals

    def position(self) -> Snapshot:
        """Return the next offset of each partition, and what tells this topic from another."""
        return {
            "topic": self._topic.name,
            "identity": self._topic.identity,
            "partition_count": self._topic.partitions,
            "partitions": list(self._partitions),
            "offsets": self._next.tolist(),
            "ends": None if self._ends is None else self._ends.tolist(),
        }

    def seek(self, position: Snapshot) -> None:
        """Continue from a position. Raises OtherLog where reading on would leave something out; it says what."""
        self._next = start.resumed(self._topics, self._topic, self._partitions, position)
        if self._ends is not None and position["ends"] is not None:
            self._ends = np.array(position["ends"], np.int64)
        self._assign()

    def acknowledged(self, position: Snapshot) -> None:
        """Commit a position to the group, for tools that look at lag. Never raises."""
        self._committed.send(self._consumer, position["offsets"])

    def hold(self, lanes: Bool) -> None:
        """Read these lanes no further until they are no longer in the mask."""
        if not (lanes != self._held).any():
            return
        for wanted, change in (
            (lanes & ~self._held, self._consumer.pause),
            (~lanes & self._held, self._consumer.resume),
        ):
            if wanted.any():
                change([self._place(lane) for lane in np.flatnonzero(wanted).tolist()])
        self._held = lanes.copy()
        metrics.LANES_HELD.set(int(lanes.sum()))

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Resolve to topic, partition and offset."""
        return [self._topic.name] * len(lane), np.array(self._partitions, np.int64)[lane], np.asarray(offset)

    def close(self) -> None:
        """Leave the brokers, when what was committed has reached them; no more than seconds are waited for that."""
        self._committed.wait(self._consumer, _AWAY_S if self._watch.away else _ANSWER_S)
        with suppress(KafkaException, RuntimeError):  # RuntimeError: closed before
            self._consumer.close()

    def _assign(self) -> None:
        self._consumer.assign([self._place(lane, int(at)) for lane, at in enumerate(self._next)])
        self._held[:] = False
        self._rest = []
        self._assigned = True

    def _place(self, lane: int, offset: int = OFFSET_INVALID) -> TopicPartition:
        return TopicPartition(self._topic.name, self._partitions[lane], offset)

    def _done(self) -> Bool:
        """Say which lanes of a finite read are at their end; none of a live one is."""
        return np.zeros(1, np.bool_) if self._ends is None else self._next >= self._ends

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._watch.lost(error.str())

    def _judge(self, messages: list[Any]) -> None:
        """Take what isn't a message: the end of a partition, brokers that are away, offsets that aren't held."""
        for message in messages:
            error: Any = message.error()
            if error.code() == KafkaError._PARTITION_EOF:
                # what stands between is no message: the marks of a transaction's end
                lane = self._lane[message.partition()]
                self._next[lane] = max(self._next[lane], message.offset())
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                start.check_same(self._topics.describe(), self._topic)
                start.check_held(self._topic.name, self._partitions, self._next, *self._topics.marks(self._partitions))
                raise OtherLog(f"topic {self._topic.name!r}, partition {message.partition()}: {error.str()}")
            elif error.code() in AWAY:
                self._watch.lost(error.str())
            elif error.code() not in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION):
                # unknown topics are the watch's: it asks again before it gives up
                raise explained(KafkaException(error), self._cluster, f"reading topic {self._topic.name!r}")

    def _show_lag(self) -> None:
        """Set the metrics of how far behind the topic's end each partition is, once a second."""
        now = time.monotonic()
        if now - self._lag_at < _LAG_EVERY_S:
            return
        self._lag_at = now
        for name, behind in zip(self.lanes, self.lag().tolist()):
            metrics.SOURCE_LAG.labels(name).set(behind)

    def lag(self) -> Int64:
        """Return how many messages of each lane are still to be read, as far as the last answers of brokers say."""
        ends = []
        for lane in range(len(self.lanes)):
            marks = self._consumer.get_watermark_offsets(self._place(lane), cached=True)
            ends.append(self._next[lane] if marks is None or marks[1] < 0 else marks[1])
        behind: Int64 = np.array(ends, np.int64) - self._next
        return behind.clip(min=0)
