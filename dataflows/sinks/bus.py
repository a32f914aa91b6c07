"""Newest values and publish/subscribe within a process."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from fnmatch import translate
from typing import NamedTuple, Protocol

from dataflows.interfaces import Bus as Publisher
from dataflows.sinks.state import UP, SinkState
from schema.stores import LIVE


class Message(NamedTuple):
    """What a subscriber gets."""

    channel: str
    key: str
    body: bytes
    sequence: int


Stored = Callable[[int], Iterator[Message]]  # the published predictions above a sequence, in order, from the store


class Subscription(Protocol):
    """A subscriber's end. A slow one gets the newest message of each key, never a growing queue."""

    def take(self, timeout: float | None = None) -> list[Message]:
        """Return what came since the last call, oldest key first; wait up to `timeout` seconds for something."""
        ...

    def close(self) -> None:
        """End it; a waiting `take` returns."""
        ...


class Bus(Publisher, Protocol):
    """`dataflows.interfaces.Bus` that can be subscribed to."""

    def publish_all(self, messages: Sequence[Message]) -> None:
        """Publish messages in their order."""
        ...

    def subscribe(self, pattern: str) -> Subscription:
        """Listen to channels that match a shell pattern (`predictions.1m.*`), from now on."""
        ...

    def flush(self, patience: float) -> bool:
        """Wait until everything is sent; return whether it was within `patience` seconds."""
        ...

    def state(self) -> SinkState:
        """Return how the bus is doing; costs nothing."""
        ...

    def refill_from(self, stored: Stored, fresh: bool) -> None:
        """Take what subscribers missed during an outage from `stored`; a fresh run begins with an empty stream."""
        ...


class Newest:
    """Where messages wait for a subscriber: the newest of each key. What both kinds of subscription are made of."""

    def __init__(self) -> None:
        """Begin empty."""
        self._pending: dict[str, Message] = {}
        self._changed, self._closed = threading.Condition(), False

    def take(self, timeout: float | None = None) -> list[Message]:
        """Return what came since the last call, oldest key first; wait up to `timeout` seconds for something."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._closed, timeout)
            messages, self._pending = list(self._pending.values()), {}
            return messages

    def _put(self, message: Message) -> None:
        with self._changed:
            self._pending[message.key or message.channel] = message
            self._changed.notify()

    def _end(self) -> None:
        """Let a waiting `take` return."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class _Subscription(Newest):
    def __init__(self, bus: InProcessBus, pattern: str) -> None:
        self._bus, self._matches = bus, re.compile(translate(pattern)).match
        super().__init__()
        self._wanted: dict[str, bool] = {}

    def offer(self, message: Message) -> None:
        wanted = self._wanted.get(message.channel)
        if wanted is None:
            wanted = self._wanted[message.channel] = self._matches(message.channel) is not None
        if wanted:
            self._put(message)

    def close(self) -> None:
        self._bus.forget(self)
        self._end()


class _Immediate:
    """What buses share that send at once or never."""

    def publish(self, channel: str, key: str, message: bytes, sequence: int) -> None:
        raise NotImplementedError

    def publish_all(self, messages: Sequence[Message]) -> None:
        """Publish messages in their order."""
        for message in messages:
            self.publish(message.channel, message.key, message.body, message.sequence)

    def flush(self, patience: float) -> bool:
        """Return True: nothing waits."""
        return True

    def state(self) -> SinkState:
        """Return that it is up."""
        return UP

    def refill_from(self, stored: Stored, fresh: bool) -> None:
        """Need nothing: there are no outages."""


class InProcessBus(_Immediate):
    """A bus for the threads of one process. Publishing costs a dictionary entry and never waits for a subscriber.

    A message whose sequence is not above its key's newest is a repeat: it is dropped. A message without a key is
    sent, but not kept.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._latest: dict[str, Message] = {}
        self._subscribers: tuple[_Subscription, ...] = ()
        self._lock = threading.Lock()

    def publish(self, channel: str, key: str, message: bytes, sequence: int) -> None:
        """Keep the message as its key's newest and offer it to subscribers."""
        if key:
            newest = self._latest.get(key)
            if newest is not None and sequence <= newest.sequence:
                return
        sent = Message(channel, key, message, sequence)
        if key:
            self._latest[key] = sent
        for subscriber in self._subscribers:
            subscriber.offer(sent)

    def latest(self, key: str) -> bytes | None:
        """Return the newest message of a key."""
        newest = self._latest.get(key)
        return None if newest is None else newest.body

    def subscribe(self, pattern: str) -> Subscription:
        """Listen to channels that match a shell pattern."""
        subscriber = _Subscription(self, pattern)
        with self._lock:
            self._subscribers = (*self._subscribers, subscriber)
        return subscriber

    def forget(self, subscriber: object) -> None:
        """Send no more to a subscriber."""
        with self._lock:
            self._subscribers = tuple(other for other in self._subscribers if other is not subscriber)

    def close(self) -> None:
        """End every subscription."""
        for subscriber in self._subscribers:
            subscriber.close()


class NullBus(_Immediate):
    """A bus that drops everything: for measurements and replays nobody listens to."""

    def publish(self, channel: str, key: str, message: bytes, sequence: int) -> None:
        """Drop it."""

    def latest(self, key: str) -> bytes | None:
        """Return None."""
        return None

    def subscribe(self, pattern: str) -> Subscription:
        """Return a subscription that gets nothing."""
        return InProcessBus().subscribe(pattern)

    def close(self) -> None:
        """Nothing to release."""


def open_bus(url: str, namespace: str = LIVE) -> Bus:
    """Open `memory:` (this process), `redis://host:port/db` or `null:`. Raises ValueError for anything else."""
    if url == "memory:":
        return InProcessBus()
    if url == "null:":
        return NullBus()
    if url.startswith(("redis:", "rediss:")):
        from dataflows.sinks.redis_bus import RedisBus

        return RedisBus(url, namespace)
    raise ValueError(f"bus URL {url!r} is not understood; expected memory:, redis://host:port/db or null:")
