"""The WebSocket of newest predictions."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api.live.connection import Connection
from api.live.hub import Hub
from api.live.jobs import JobFeed
from api.metrics import ApiMetrics
from api.observe import Route

_PATH: Final = "/ws/realtime"
_SUBPROTOCOL: Final = "undertone"


class Realtime:
    """Middleware before the routes, which would keep 15 coroutines and what they hold, 15 kB, for each open WebSocket.

    Where tokens are asked for, a client's comes as a bearer token or as subprotocol `bearer.TOKEN`.
    """

    def __init__(self, app: ASGIApp, hub: Hub, job_feed: JobFeed, metrics: ApiMetrics, guarded: bool) -> None:
        """Serve clients of the hub; those that showed a good token where it is guarded."""
        self._app, self._hub, self._job_feed = app, hub, job_feed
        self._metrics, self._guarded = metrics, guarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client until it ends, or let through."""
        if scope["type"] != "websocket" or scope["path"] != _PATH:
            await self._app(scope, receive, send)
            return
        scope["route"] = Route(_PATH)
        await receive()  # it wants to connect
        if self._guarded and scope.get("token") is None:
            await send({"type": "websocket.close", "code": 1008, "reason": "this needs a token"})  # it sees a 403
            return
        offered = scope.get("subprotocols", ())
        await send({"type": "websocket.accept", "subprotocol": _SUBPROTOCOL if _SUBPROTOCOL in offered else None})
        self._metrics.open += 1
        try:
            reason = await Connection(scope, receive, send, self._hub, self._job_feed).run()
            self._metrics.closes.labels(reason).inc()
        finally:
            self._metrics.open -= 1
