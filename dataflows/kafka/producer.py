"""An idempotent producer that waits where its queue is full and never forgets a message that could not be delivered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from dataflows.kafka.client import Cluster, explained
from dataflows.messages.formats import Format, headers_of

# A single tick goes without: its format shows, and two headers cost its reader more than the tick itself (ADR 13).
_HEADERS: Final[dict[Format, Any]] = {Format.COLUMNS: headers_of(Format.COLUMNS)}


class Delivery:
    """Appends messages to partitions, in order in each. One thread sends, any may poll."""

    def __init__(self, cluster: Cluster, topic: str, **options: Any) -> None:
        """Append to `topic`, which must be there. `options` are the producer's, with `_` for `.`, and win over ours."""
        self._cluster, self._topic = cluster, topic
        self.sent = self.delivered = self.bytes = 0  # messages
        self._heard = 0.0  # when a broker last acknowledged something while messages waited, monotonic
        self._error: KafkaError | None = None
        self._lock = threading.Lock()  # answers are taken by whichever thread polls
        self._producer = Producer(
            cluster.settings(
                **{
                    "enable_idempotence": True, "linger_ms": 5, "compression_type": "lz4", "batch_size": 1_000_000,
                    "queue_buffering_max_messages": 200_000, "queue_buffering_max_kbytes": 131_072, **options,
                }
            )
        )  # fmt: skip

    @property
    def waiting(self) -> int:
        """Messages that no broker has acknowledged yet."""
        return self.sent - self.delivered

    @property
    def silent_s(self) -> float:
        """Seconds that messages have waited without any broker's acknowledging one; 0 where none waits."""
        return time.monotonic() - self._heard if self.waiting else 0.0

    def send(
        self, value: bytes, partition: int, form: Format | None, key: bytes | None = None,
        done: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        """Queue one message; waits while the queue is full. Raises what kept an earlier one from being delivered.

        `form` None: without headers, it says itself what it is. `done` is called once a broker has acknowledged it,
        by whichever thread polls.
        """
        answered = self._answered if done is None else partial(self._answered, done=done)
        headers = _HEADERS.get(form) if form else None
        while True:
            try:
                self._producer.produce(
                    self._topic, value, key, partition, on_delivery=answered, headers=headers
                )  # fmt: skip
                break
            except BufferError:
                self.poll(0.05)
            except KafkaException as error:
                raise explained(error, self._cluster, f"appending to topic {self._topic!r}") from None
        if not self.waiting:
            self._heard = time.monotonic()
        self.sent += 1
        self.bytes += len(value)

    def poll(self, seconds: float = 0.0) -> None:
        """Take answers, waiting at most so long for the first. Raises what kept a message from being delivered."""
        self._producer.poll(seconds)
        if self._error is not None:
            raise explained(KafkaException(self._error), self._cluster, f"appending to topic {self._topic!r}")

    def flush(self, seconds: float) -> int:
        """Wait until all is delivered, at most so long; return how many messages are not."""
        until = time.monotonic() + seconds
        while self.waiting and time.monotonic() < until:
            self._producer.flush(min(0.2, seconds))
            self.poll()
        return self.waiting

    def close(self) -> None:
        """Give up what isn't delivered. Never raises."""
        self._producer.purge()
        self._producer.flush(1.0)

    def _answered(self, error: KafkaError | None, message: Any, done: Callable[[], None] | None = None) -> None:
        if error is None:
            with self._lock:
                self.delivered += 1
                self._heard = time.monotonic()
            if done is not None:
                done()
        elif self._error is None:
            self._error = error
