"""The bus on Redis: a thread of its own sends what the flow publishes, and the flow never waits for it."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice, takewhile
from typing import Final

import redis

from dataflows.sinks.bus import Message, Stored, Subscription
from dataflows.sinks.redis_script import Connection, Mode
from dataflows.sinks.redis_subscription import RedisSubscription
from dataflows.sinks.state import SinkState
from ops import metrics
from schema.stores import LIVE

QUEUE: Final = 20_000  # messages that may wait; then the oldest go, and the stream is refilled from the store
_ROUND: Final = 1_000  # messages of one request
_STREAM_S: Final = 0.03  # that the stream may wait for more to publish
_BACK_OFF_S: Final = (0.1, 5.0)  # first and longest wait before an unreachable server is tried again
_IDLE_S: Final = 1.0  # without a message, between two looks at whether the server is there
_STORE_S: Final = 0.2  # before the store is asked again for what it hasn't written yet
_GIVE_UP_S: Final = 60.0  # without anything new in the store
_FAREWELL_S: Final = 1.0  # that `close` waits for the last messages


class RedisBus:
    """Publishes, sets the newest value of a key and adds to the stream `predictions`, each message once.

    Whoever listens comes first: messages are published as soon as they are queued. The stream, which costs the server
    as much again, follows in order when nothing has come for a moment, begun at most 30 ms later. When sending falls
    behind, only the newest message of each key is published. While the server is away nothing is sent, and it is tried
    again with rising pauses. When it returns, what fell out of the queue is read from the store, so that the stream
    misses nothing that was stored.
    """

    def __init__(self, url: str, namespace: str = LIVE, *, timeout: float = 1.0, queue: int = QUEUE) -> None:
        """Connect later, from the thread: a server that is away stops nobody."""
        self._url, self._queue_size, self._timeout = url, queue, timeout
        self._connection = Connection(url, namespace, timeout)
        self._queue: deque[Message] = deque()
        self._marks: deque[tuple[int, float]] = deque(maxlen=10_000)  # last sequence of what came together, and when
        self._stored: Stored = lambda sequence: iter(())
        self._fresh = self._renewed = self._in_step = False  # in step: the stream lacks nothing but what waits
        self._last = self._needed = self._newest = 0  # sequences: in the stream; that have to be; that were published
        self._since = 0.0  # when what waits began to
        self._dropped, self._behind_since = 0, 0.0
        self._failing_since, self._detail = 0.0, ""
        self._changed, self._closing = threading.Condition(), False
        self._thread = threading.Thread(target=self._run, name="redis-bus", daemon=True)
        self._thread.start()

    def refill_from(self, stored: Stored, fresh: bool) -> None:
        """Read from `stored` what the stream lacks; a fresh run begins with an empty one. Call it before `publish`."""
        with self._changed:
            self._stored, self._fresh, self._renewed = stored, fresh, True
            self._changed.notify()

    def publish(self, channel: str, key: str, message: bytes, sequence: int) -> None:
        """Queue one message."""
        self.publish_all([Message(channel, key, message, sequence)])

    def publish_all(self, messages: Sequence[Message]) -> None:
        """Queue messages; they go in one request where they can."""
        with self._changed:
            self._since = self._since if self._queue else time.perf_counter()
            self._queue.extend(messages)
            if messages and messages[-1].key:
                self._marks.append((messages[-1].sequence, time.perf_counter()))
            while len(self._queue) > self._queue_size:
                oldest = self._queue.popleft()
                self._dropped += 1
                self._needed = max(self._needed, oldest.sequence)
            self._changed.notify()

    def flush(self, patience: float) -> bool:
        """Wait until everything is sent; return whether it was within `patience` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and self._in_step and not self._renewed, patience)

    def latest(self, key: str) -> bytes | None:
        """Return the newest message of a key that the server has; None where it is away."""
        try:
            return self._connection.get(key)
        except redis.RedisError:
            return None

    def subscribe(self, pattern: str) -> Subscription:
        """Listen to channels that match a glob pattern. Raises redis.RedisError where the server is away."""
        return RedisSubscription(self._connection.client, pattern)

    def state(self) -> SinkState:
        """Return whether the server answers, how many messages wait and how many were dropped for newer ones."""
        name = "away" if self._failing_since else "up"
        return SinkState(name, self._detail, len(self._queue), self._dropped, self._failing_since)

    def close(self) -> None:
        """Send what waits if that takes no time, then release. Never raises."""
        with suppress(Exception):
            if not self._failing_since:
                self.flush(_FAREWELL_S)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(_FAREWELL_S + 2 * self._timeout)  # it may be reading from a store that keeps silent
        with suppress(Exception):
            self._connection.close()

    def _run(self) -> None:
        pause = _BACK_OFF_S[0]
        while not self._closing:
            try:
                self._step()
                self._failing_since, self._detail, pause = 0.0, "", _BACK_OFF_S[0]
            except Exception as error:  # the store that refills may fail as well: neither stops the flow
                self._in_step, self._needed, self._newest = False, max(self._needed, self._last), 0
                self._failing_since = self._failing_since or time.time()
                self._detail = f"{self._url.rsplit('@', 1)[-1]}: {type(error).__name__}: {error}"
                self._wait(pause)
                pause = min(2 * pause, _BACK_OFF_S[1])

    def _has_work(self) -> bool:
        return bool(self._queue) or self._closing or self._renewed or not self._in_step

    def _wait(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing, seconds)

    def _step(self) -> None:
        """Send one round of what waits; without anything, see once a second whether the server is there."""
        with self._changed:
            idle = not self._changed.wait_for(self._has_work, _IDLE_S)
            waiting = list(self._queue)
            self._in_step = self._in_step and not self._renewed and self._needed <= self._last
            self._renewed = False
        if idle:
            self._connection.ping()
            return
        if self._fresh:
            self._connection.forget()
            self._fresh, self._needed, self._newest = False, 0, 0
        unheard = [message for message in waiting if message.key and message.sequence > self._newest]
        if unheard:
            self._tell(unheard)
            if self._in_step and self._more_comes(unheard[-1]):
                return
        if not self._in_step and not self._caught_up(waiting):
            self._wait(_STORE_S)
            return
        messages = waiting[:_ROUND]
        if messages:
            self._connection.send(messages, Mode.STREAM)
        self._forget(messages)

    def _tell(self, unheard: list[Message]) -> None:
        """Publish; where it fell behind, the newest of each key."""
        if len(unheard) > _ROUND or not self._in_step:
            unheard = list({message.key: message for message in unheard}.values())
        for begin in range(0, len(unheard), _ROUND):
            self._connection.send(unheard[begin : begin + _ROUND], Mode.NEWEST)
        self._newest = max(message.sequence for message in unheard)
        while self._marks and self._marks[0][0] <= self._newest:
            metrics.BUS_SECONDS.observe(time.perf_counter() - self._marks.popleft()[1])

    def _more_comes(self, told: Message) -> bool:
        """Wait for more to publish as long as the stream may; return whether it came."""
        with self._changed:
            patience = self._since + _STREAM_S - time.perf_counter()
            return patience > 0 and self._changed.wait_for(lambda: self._queue[-1].sequence > told.sequence, patience)

    def _forget(self, sent: list[Message]) -> None:
        with self._changed:
            for message in sent:
                if self._queue and self._queue[0] is message:  # else it was dropped meanwhile
                    self._queue.popleft()
            self._last = max([self._last, *(message.sequence for message in sent)])
            self._in_step = self._needed <= self._last
            self._since = time.perf_counter()
            self._changed.notify_all()

    def _caught_up(self, waiting: list[Message]) -> bool:
        """Add what the store has and the stream hasn't, up to what waits; return whether nothing is missing."""
        self._last = last = self._connection.last_sequence()
        until = next((message.sequence for message in waiting if message.key), sys.maxsize)
        missing = takewhile(lambda message: message.sequence < until, self._stored(last))
        while chunk := list(islice(missing, _ROUND)):
            self._connection.send(chunk, Mode.REFILL)
            self._last = chunk[-1].sequence
        if self._last > last or self._needed <= self._last:
            self._behind_since = 0.0
        elif not self._behind_since:
            self._behind_since = time.monotonic()
        elif time.monotonic() - self._behind_since > _GIVE_UP_S:  # nobody stores them
            self._last = self._needed
        return self._needed <= self._last
