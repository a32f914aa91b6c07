"""One request for a batch of messages: publish and newest value, or stream entry, each only if it is new."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import redis

from dataflows.sinks.bus import Message
from schema.channels import PREDICTION_SEQUENCES, PREDICTION_STREAM
from schema.stores import bus_name

STREAM_CAP: Final = 100_000  # entries, about
# Messages of one call of the script. Subscribers get what it published when it ends, and meanwhile the server does
# nothing else; a piece takes it about a millisecond. Lua's unpack takes some thousand values at most.
PIECE: Final = 125

# A message is published and set where its sequence is above its key's newest. The stream refuses an id that is not
# above its last one: that is a repeat, and no reason to fail the rest. A message without a key is only published.
# Reading and writing the keys together takes the server half as long as one by one.
_LUA: Final = """
local stream, sequences, cap, mode = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local newest, numbers, values = {}, {}, {}
if mode ~= 'stream' then
  local keys = {}
  for i = 3, #ARGV, 4 do keys[#keys + 1] = ARGV[i + 1] end
  for n, known in ipairs(redis.call('HMGET', sequences, unpack(keys))) do newest[keys[n]] = tonumber(known or 0) end
end
for i = 3, #ARGV, 4 do
  local channel, key, sequence, body = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if key == '' then
    redis.call('PUBLISH', channel, body)
  else
    if mode ~= 'stream' and newest[key] < tonumber(sequence) then
      newest[key] = tonumber(sequence)
      numbers[#numbers + 1], numbers[#numbers + 2] = key, sequence
      values[#values + 1], values[#values + 2] = key, body
      if mode == 'newest' then redis.call('PUBLISH', channel, body) end
    end
    if mode ~= 'newest' then
      redis.pcall('XADD', stream, sequence .. '-0', 'channel', channel, 'message', body)
    end
  end
end
if #numbers > 0 then
  redis.call('HSET', sequences, unpack(numbers))
  redis.call('MSET', unpack(values))
end
if mode ~= 'newest' then redis.call('XTRIM', stream, 'MAXLEN', '~', cap) end
return redis.status_reply('OK')
"""


class Mode(StrEnum):
    """What a call does. A message without a key is published in each."""

    NEWEST = "newest"  # publish and set; the stream gets the message later, in its order
    STREAM = "stream"  # add to the stream what was published and set before
    REFILL = "refill"  # set and add to the stream: it is too old for who listens now


class Connection:
    """A namespace of a Redis server. Every method may raise redis.RedisError."""

    def __init__(self, url: str, namespace: str, timeout: float = 1.0) -> None:
        """Connect at the first call; an answer is waited for `timeout` seconds."""
        self.client: Any = redis.Redis.from_url(
            url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=None, health_check_interval=0
        )
        self._script = ""  # its digest, once a server was told of it
        self._stream = bus_name(PREDICTION_STREAM, namespace)
        self._sequences = bus_name(PREDICTION_SEQUENCES, namespace)

    def send(self, messages: Sequence[Message], mode: Mode) -> None:
        """Send messages, keys in rising sequence, in one request; a server that knows the script no more is told."""
        try:
            self._call(messages, mode)
        except redis.exceptions.NoScriptError:
            self._script = self.client.script_load(_LUA)
            self._call(messages, mode)

    def _call(self, messages: Sequence[Message], mode: Mode) -> None:
        with self.client.pipeline(transaction=False) as request:
            for first in range(0, len(messages), PIECE):
                arguments: list[Any] = [STREAM_CAP, str(mode)]
                for message in messages[first : first + PIECE]:
                    arguments += (message.channel, message.key, message.sequence, message.body)
                request.evalsha(self._script, 2, self._stream, self._sequences, *arguments)
            request.execute()

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
