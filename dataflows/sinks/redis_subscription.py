"""A subscriber's end on Redis."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import msgspec

from dataflows.sinks.bus import Message
from schema.channels import prediction_key_of


class _Numbered(msgspec.Struct):
    sequence: int = 0


_decode = msgspec.json.Decoder(_Numbered).decode


class RedisSubscription:
    """Reads in a thread of its own and keeps the newest message of each key, so that Redis never cuts it off."""

    def __init__(self, client: Any, pattern: str) -> None:
        """Listen from now on."""
        self._pubsub = client.pubsub(ignore_subscribe_messages=True)
        self._pubsub.psubscribe(pattern)
        self._pubsub.get_message(timeout=1.0)
        self._pending: dict[str, Message] = {}
        self._changed, self._closed = threading.Condition(), False
        self._thread = threading.Thread(target=self._read, name="redis-subscription", daemon=True)
        self._thread.start()

    def take(self, timeout: float | None = None) -> list[Message]:
        """Return what came since the last call, oldest key first; wait up to `timeout` seconds for something."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._closed, timeout)
            messages, self._pending = list(self._pending.values()), {}
            return messages

    def close(self) -> None:
        """End it; a waiting `take` returns."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        with suppress(Exception):
            self._pubsub.close()

    def _read(self) -> None:
        while not self._closed:
            try:
                found = self._pubsub.get_message(timeout=0.1)
            except Exception:  # redis-py connects and subscribes again at the next call
                found = None
            if found is None:
                continue
            channel, body = found["channel"].decode(), found["data"]
            key = prediction_key_of(channel) or ""
            message = Message(channel, key, body, _sequence(body))
            with self._changed:
                self._pending[key or channel] = message
                self._changed.notify()


def _sequence(body: bytes) -> int:
    try:
        return _decode(body).sequence
    except msgspec.MsgspecError:
        return 0
