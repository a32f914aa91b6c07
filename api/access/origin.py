"""Pages of other sites may not use a visitor's browser to reach a service that asks for no token."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import problem

_HARMLESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})  # a browser shows their answers to allowed origins alone


class SameOrigin:
    """Middleware: a call that changes something, or a WebSocket, of a page from elsewhere is a 403.

    Browsers name the page's origin; programs, which name none, pass.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        """Let pages of the service's own origin and of the `allowed` ones pass."""
        self._app, self._allowed = app, frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let through."""
        harmless = scope["type"] == "lifespan" or (scope["type"] == "http" and scope["method"] in _HARMLESS)
        if harmless or self._passes(HTTPConnection(scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "a page from elsewhere"})
        else:
            detail = "the call comes from a page of another origin; setting api.cors_origins names those that may"
            await problem(Request(scope), 403, detail)(scope, receive, send)

    def _passes(self, connection: HTTPConnection) -> bool:
        origin = connection.headers.get("origin")
        if origin is None or origin in self._allowed:
            return True
        return urlsplit(origin).netloc == connection.headers.get("host")
