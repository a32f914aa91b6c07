"""Uvicorn's WebSockets, which a client that reads nothing can't hold open."""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

STUCK_S: Final = 30.0  # that nothing of what was sent may be read; then nobody is there


class Sockets(WebSocketsSansIOProtocol):
    """One connection. Closing it the usual way would wait until the client has read what was sent before."""

    stuck: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Note that the client doesn't read."""
        super().pause_writing()
        self.stuck = self.loop.call_later(STUCK_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that it does again."""
        super().resume_writing()
        self._read_again()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._read_again()
        super().connection_lost(exc)

    def _read_again(self) -> None:
        if self.stuck is not None:
            self.stuck.cancel()
            self.stuck = None
