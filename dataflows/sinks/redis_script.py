"""One call for a batch of messages: publish, newest value, stream entry, each only if it is new."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Any, Final

import redis

from dataflows.sinks.bus import Message
from schema.channels import PREDICTION_SEQUENCES, PREDICTION_STREAM
from schema.stores import bus_name

STREAM_CAP: Final = 100_000  # entries, about

# A message is published and set where its sequence is above its key's newest. The stream refuses an id that is not
# above its last one: that is a repeat, and no reason to fail the rest. A message without a key is only published.
_LUA: Final = """
local stream, sequences, cap, mode = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
for i = 3, #ARGV, 4 do
  local channel, key, sequence, body = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if key == '' then
    redis.call('PUBLISH', channel, body)
  else
    local newest = redis.call('HGET', sequences, key)
    if not newest or tonumber(newest) < tonumber(sequence) then
      redis.call('HSET', sequences, key, sequence)
      redis.call('SET', key, body)
      if mode ~= '2' then redis.call('PUBLISH', channel, body) end
    end
    if mode ~= '1' then
      redis.pcall('XADD', stream, 'MAXLEN', '~', cap, sequence .. '-0', 'channel', channel, 'message', body)
    end
  end
end
return redis.status_reply('OK')
"""


class Mode(IntEnum):
    """What a call does."""

    ALL = 0
    NEWEST = 1  # publish and set; the stream gets the message later, in its order
    REFILL = 2  # set and add to the stream: it is too old for who listens now


class Connection:
    """A namespace of a Redis server. Every method may raise redis.RedisError."""

    def __init__(self, url: str, namespace: str, timeout: float = 1.0) -> None:
        """Connect at the first call; an answer is waited for `timeout` seconds."""
        self.client: Any = redis.Redis.from_url(
            url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=None, health_check_interval=0
        )
        self._call = self.client.register_script(_LUA)
        self._stream = bus_name(PREDICTION_STREAM, namespace)
        self._sequences = bus_name(PREDICTION_SEQUENCES, namespace)

    def send(self, messages: Iterable[Message], mode: Mode) -> None:
        """Send messages in their order, in one request."""
        arguments: list[Any] = [STREAM_CAP, int(mode)]
        for message in messages:
            arguments += (message.channel, message.key, message.sequence, message.body)
        self._call(keys=(self._stream, self._sequences), args=arguments)

    def last_sequence(self) -> int:
        """Return the sequence of the stream's last entry, 0 where there is none."""
        found = self.client.xrevrange(self._stream, count=1)
        return int(found[0][0].split(b"-")[0]) if found else 0

    def forget(self) -> None:
        """Remove the stream and the newest values: a new run numbers its predictions from 1 on."""
        keys = self.client.hkeys(self._sequences)
        self.client.delete(self._stream, self._sequences, *keys)

    def get(self, key: str) -> bytes | None:
        """Return the newest message of a key."""
        body: bytes | None = self.client.get(key)
        return body

    def ping(self) -> None:
        """See that the server answers."""
        self.client.ping()

    def close(self) -> None:
        """Drop the connections."""
        self.client.close()
