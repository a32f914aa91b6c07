"""Messages that count as a store's rows do: a batch is acknowledged once all of its messages are on the brokers."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from dataflows.kafka.client import Cluster
from dataflows.kafka.producer import Delivery
from dataflows.messages.formats import Format
from ops.errors import DependencyAway

_AWAY_S: Final = 3.0  # without an acknowledgement brokers count as away
_NOTHING_SENT: Final = 1 << 62  # what was before this process is on the brokers: a checkpoint counted on it
_FLUSH_S: Final = 1.0  # between two looks at what is still waiting
_GIVE_UP_S: Final = 30.0  # without an acknowledgement, while a flow that ends waits for them


class _Sent:
    """What a batch sent."""

    __slots__ = ("number", "waiting")

    def __init__(self) -> None:
        self.number: int | None = None  # None until the batch is complete
        self.waiting = 0  # messages that no broker has acknowledged


class Outlet:
    """An ordered, durable log of messages: at least once, in order in each partition.

    A broker that is away is waited for: the queue fills, then `send` blocks. One thread sends; any may ask what is
    acknowledged.
    """

    def __init__(self, cluster: Cluster, topic: str) -> None:
        """Append to a topic that is there."""
        self._place = f"kafka {cluster.servers}: topic {topic!r}"
        self._delivery = Delivery(cluster, topic, message_timeout_ms=0)
        self._batches: deque[_Sent] = deque()
        self._current = _Sent()
        self._acknowledged = _NOTHING_SENT
        self._lock = threading.Lock()  # answers are taken by whichever thread polls, as in Delivery

    def send(
        self, message: bytes, partition: int = 0, form: Format | None = Format.JSON, key: bytes | None = None
    ) -> None:
        """Queue a message; waits while the queue is full, raises what kept an earlier one from being delivered."""
        batch = self._current
        with self._lock:
            batch.waiting += 1
        self._delivery.send(message, partition, form, key, lambda: self._done(batch))

    def commit(self, number: int) -> None:
        """Say that all messages of batch `number` were sent."""
        with self._lock:
            self._acknowledged = min(self._acknowledged, number - 1)
            self._current.number = number
            self._batches.append(self._current)
        self._current = _Sent()
        self._delivery.poll()
        self._settle()

    def acknowledged(self) -> int:
        """Return the newest batch number up to which all messages are on the brokers. Raises as `send`."""
        self._delivery.poll()
        self._settle()
        return self._acknowledged

    def flush(self) -> None:
        """Wait until everything sent is on the brokers. Raises DependencyAway where they acknowledge nothing more."""
        while left := self._delivery.flush(_FLUSH_S):
            if self._delivery.silent_s > _GIVE_UP_S:
                raise DependencyAway(
                    f"{self._place} has not acknowledged {left} messages for {_GIVE_UP_S:g} s; start the brokers, then "
                    "resume: the run goes on before them and sends them again"
                )
        self._settle()

    def away(self) -> str:
        """Return what to say while brokers acknowledge nothing for seconds, else an empty text; costs nothing."""
        if (silent := self._delivery.silent_s) < _AWAY_S:
            return ""
        return f"{self._place}: {self._delivery.waiting} messages wait, none was acknowledged for {silent:.0f} s"

    def close(self) -> None:
        """Give up what isn't delivered. Never raises."""
        self._delivery.close()

    def _done(self, batch: _Sent) -> None:
        with self._lock:
            batch.waiting -= 1

    def _settle(self) -> None:
        with self._lock:
            while self._batches and not self._batches[0].waiting:
                self._acknowledged = self._batches.popleft().number or self._acknowledged
