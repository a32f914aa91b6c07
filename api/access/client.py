"""Who asks: the token of a request, or whoever is on this machine where tokens are off."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access.tokens import Token, Tokens
from api.problems import problem

PROBES: Final = frozenset({"/livez", "/readyz", "/metrics", "/openapi.json"})  # no market data in them
_MISSING: Final = (
    "the token is missing, unknown or revoked; send Authorization: Bearer ut_…; `undertone token create` makes one"
)
_SUBPROTOCOL: Final = "bearer."  # a browser can't set headers on a WebSocket


class Authenticate:
    """Middleware: a request without a good token is a 401, before its body is read. WebSockets answer themselves."""

    def __init__(self, app: ASGIApp, tokens: Tokens, public: frozenset[str]) -> None:
        """Ask for tokens on all paths but the public ones."""
        self._app, self._tokens, self._public = app, tokens, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let through with `scope["token"]`."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope["token"] = token = self._tokens.find(shown(HTTPConnection(scope)))
        guarded = scope["type"] == "http" and scope["method"] != "OPTIONS" and scope["path"] not in self._public
        if guarded and token is None:
            answer = problem(Request(scope), 401, _MISSING, {"WWW-Authenticate": "Bearer"})
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


def shown(connection: HTTPConnection) -> str:
    """Return the token that a client shows: a bearer token, an API key, or a WebSocket's subprotocol; "" if none."""
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return token.strip()
    if key := connection.headers.get("x-api-key"):
        return key.strip()
    offered = (word.strip() for word in connection.headers.get("sec-websocket-protocol", "").split(","))
    return next((word.removeprefix(_SUBPROTOCOL) for word in offered if word.startswith(_SUBPROTOCOL)), "")


def client_of(scope: Scope) -> str:
    """Return whom limits are counted for: the token's id, or the address."""
    token: Token | None = scope.get("token")
    return f"token:{token.id}" if token is not None else f"address:{(scope.get('client') or ('', 0))[0]}"


def needs(scope: str) -> Any:
    """Return a route's dependency: 403 where tokens are on and the request's doesn't have the scope."""

    def check(request: Request) -> None:
        token: Token | None = request.scope.get("token")
        if token is not None and not token.allows(scope):
            raise HTTPException(
                403, f"token {token.id} ({token.name}) has scope {token.scope!r}, this needs {scope!r}; "
                "`undertone token create --scope` makes another",
            )  # fmt: skip

    return Depends(check)
