"""What every request leaves behind: an id, a count, a time and, where asked for, a line in the log."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.client import client_of
from api.metrics import ApiMetrics
from ops.log import logger

HEADER: Final = b"x-request-id"
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_TOKEN: Final = re.compile(r"ut_[0-9a-f]+_[^/]+")  # as api.access.tokens makes them; someone may put one into a path


class Route(NamedTuple):
    """What a middleware that answers by itself leaves as `scope["route"]`."""

    path: str  # as metrics and logs call it


class Observe:
    """Middleware, outside all others: it names, counts and times requests. Routes are labels, never paths.

    The id is the client's own `X-Request-ID` where that is a plain word, else a new one. It is in the answer's header,
    in problems, and in every line that is logged meanwhile. The access log has no query, header or body in it.
    """

    def __init__(self, app: ASGIApp, metrics: ApiMetrics, level: str = "debug") -> None:
        """Wrap `app`; requests are logged at `level`."""
        self._app, self._metrics, self._level = app, metrics, logging.getLevelNamesMapping()[level.upper()]
        self._log: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request through the app."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 500
        identity = scope["request_id"] = _identity(scope)

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.accept"):
                status = message.get("status", 101)
                message["headers"] = [*message.get("headers", ()), (HEADER, identity.encode())]
            elif message["type"] == "websocket.close":
                status = 403 if status == 500 else status  # closed before it was accepted
            await send(message)

        structlog.contextvars.bind_contextvars(request_id=identity)
        try:
            await self._app(scope, receive, note)
        finally:
            self._note(scope, status, time.perf_counter() - begun)
            structlog.contextvars.unbind_contextvars("request_id")

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        method = scope.get("method", "WS")
        if scope["type"] == "http":
            self._metrics.note(method, route, status, seconds)
        if self._log is None:  # bound once, and not before logs are configured: it takes longer than a line's level
            self._log = logger("access").bind()
        if self._log.is_enabled_for(self._level):
            path = quote(_TOKEN.sub("ut_...", scope["path"]))
            self._log.log(
                self._level, "answered", method=method, path=path, route=route, status=status,
                ms=round(1e3 * seconds, 3), client=client_of(scope),
            )  # fmt: skip


def _identity(scope: Scope) -> str:
    """Return the client's id of the request, or a new one; never a token that was sent in its place."""
    for name, value in scope["headers"]:
        if name == HEADER and _ID.fullmatch(sent := str(value, "latin-1")) and not _TOKEN.search(sent):
            return sent
    return secrets.token_hex(8)
