"""The WebSocket of newest predictions."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.live.connection import Connection

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
    state.websocket_connections += 1
    try:
        await Connection(socket, state.hub).run()
    except WebSocketDisconnect:
        pass
    finally:
        state.websocket_connections -= 1
