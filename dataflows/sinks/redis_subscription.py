"""A subscriber's end on Redis."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import msgspec

from dataflows.sinks.bus import Message, Newest
from schema.channels import prediction_key_of


class _Numbered(msgspec.Struct):
    sequence: int = 0


_decode = msgspec.json.Decoder(_Numbered).decode


class RedisSubscription(Newest):
    """Reads in a thread of its own and keeps the newest message of each key, so that Redis never cuts it off."""

    def __init__(self, client: Any, pattern: str) -> None:
        """Listen from now on."""
        self._pubsub = client.pubsub(ignore_subscribe_messages=True)
        self._pubsub.psubscribe(pattern)
        self._pubsub.get_message(timeout=1.0)
        super().__init__()
        self._thread = threading.Thread(target=self._read, name="redis-subscription", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it; a waiting `take` returns."""
        self._end()
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
            self._put(Message(channel, key, body, _sequence(body)))


def _sequence(body: bytes) -> int:
    try:
        return _decode(body).sequence
    except msgspec.MsgspecError:
        return 0
