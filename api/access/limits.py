"""How often a client may ask, counted in Redis for all processes of the service, or in memory for one.

Two moving windows, a minute and, for bursts, a second: in memory the library's (`limits`), in Redis `SharedWindows`.
While Redis is away each process counts for itself: a limit that fails closed would take the service down with it.
"""

from __future__ import annotations

import math
import time
from typing import Final

from fastapi import Request
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access.client import client_of
from api.access.windows import SharedWindows
from api.problems import problem
from ops.log import logger

_AGAIN_S: Final = 5.0  # before Redis is asked again after it failed


class Limits:
    """`per_minute` requests a client, at most `burst` of them in a second."""

    def __init__(self, per_minute: int, burst: int, redis_url: str | None = None) -> None:
        """Count in Redis where its URL is given."""
        self._items: tuple[RateLimitItem, ...] = (RateLimitItemPerSecond(burst), RateLimitItemPerMinute(per_minute))
        self._here = MovingWindowRateLimiter(MemoryStorage())
        windows = [(item.amount, float(item.get_expiry())) for item in self._items]
        self._shared = None if redis_url is None else SharedWindows(redis_url, windows)
        self._away_until = 0.0

    async def wait(self, client: str) -> float:
        """Count one request and return 0, or refuse it and return how long the client has to wait (s)."""
        if self._shared is not None and time.monotonic() >= self._away_until:
            try:
                return await self._shared.wait(client)
            except RedisError as error:
                self._away_until = time.monotonic() + _AGAIN_S
                logger("api").warning("limits are counted a process: Redis is away", found=str(error))
        return await self._wait_here(client)

    async def close(self) -> None:
        """Release the connections."""
        if self._shared is not None:
            await self._shared.close()

    async def _wait_here(self, client: str) -> float:
        for item in self._items:
            if not await self._here.hit(item, client):
                stats = await self._here.get_window_stats(item, client)
                return max(float(stats.reset_time) - time.time(), 0.01)
        return 0.0


class Limit:
    """Middleware: too many requests are a 429 that says when to come again. Probes and the page's files are free."""

    def __init__(self, app: ASGIApp, limits: Limits, public: frozenset[str]) -> None:
        """Count requests of all paths but the public ones."""
        self._app, self._limits, self._public = app, limits, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let through."""
        counted = scope["type"] == "http" and scope["path"] not in self._public
        if counted and (seconds := await self._limits.wait(client_of(scope))) > 0:
            headers = {"Retry-After": str(math.ceil(seconds))}
            answer = problem(Request(scope), 429, f"too many requests; come again in {seconds:.1f} s", headers)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)
