"""Moving windows that all processes of the service share, in Redis: one list of times a client, one call a request.

The library's script knows one window, so that two windows were two round trips, and a request that the second refused
was counted by the first. Here a request is counted in all windows or in none. The clock is Redis's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import redis.asyncio

_PATIENCE_S: Final = 0.5

# KEYS[1]: times of the newest requests that were let through, newest first. ARGV: how many, in how many seconds, …
# The list is as long as the largest window's number: what stands behind can refuse nothing.
_TAKE: Final = """
local clock = redis.call('time')
local now, wait, most, longest = clock[1] + clock[2] / 1e6, 0, 0, 0
for k = 1, #ARGV, 2 do
    local amount, seconds = tonumber(ARGV[k]), tonumber(ARGV[k + 1])
    local earlier = redis.call('lindex', KEYS[1], amount - 1)
    if earlier then wait = math.max(wait, earlier + seconds - now) end
    most, longest = math.max(most, amount), math.max(longest, seconds)
end
if wait <= 0 then
    redis.call('lpush', KEYS[1], string.format('%.6f', now))
    redis.call('ltrim', KEYS[1], 0, most - 1)
    redis.call('pexpire', KEYS[1], math.ceil(1000 * longest))
end
return string.format('%.6f', wait)
"""


class SharedWindows:
    """Counts requests by client in windows of (how many, in how many seconds)."""

    def __init__(self, url: str, windows: Sequence[tuple[int, float]]) -> None:
        """Connect when asked."""
        self._client: Any = redis.asyncio.from_url(url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S)
        self._take = self._client.register_script(_TAKE)
        self._windows = [number for window in windows for number in window]

    async def wait(self, client: str) -> float:
        """Count one request and return 0, or refuse it and return how long the client has to wait (s).

        Raises RedisError where Redis can't be asked.
        """
        return max(float(await self._take(keys=[f"limits:{client}"], args=self._windows)), 0.0)

    async def close(self) -> None:
        """Release the connections."""
        await self._client.aclose()
