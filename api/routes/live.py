"""The WebSocket of newest predictions."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.websockets import WebSocket

from api.live.connection import Connection
from api.metrics import ApiMetrics

router = APIRouter()

_SUBPROTOCOL: Final = "undertone"


@router.websocket("/ws/realtime")
async def realtime(socket: WebSocket) -> None:
    """Serve one client. Where tokens are asked for, it comes as a bearer token or as subprotocol `bearer.TOKEN`."""
    state = socket.app.state
    if state.guarded and socket.scope.get("token") is None:
        await socket.close(1008, "this needs a token")  # before it is accepted: the client sees a 403
        return
    offered = socket.scope.get("subprotocols", ())
    await socket.accept(_SUBPROTOCOL if _SUBPROTOCOL in offered else None)
    metrics: ApiMetrics = state.metrics
    metrics.open += 1
    try:
        reason = await Connection(socket, state.hub, state.job_feed).run()
        metrics.closes.labels(reason).inc()
    finally:
        metrics.open -= 1
