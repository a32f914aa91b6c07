"""Uvicorn's WebSockets, with a short way for what thousands are told at once, and an end for who reads nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from struct import pack
from typing import Final, cast

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

STUCK_S: Final = 30.0  # that nothing of what was sent may be read; then nobody is there
_EXTENSION: Final = "undertone.wire"  # of the ASGI scope
_TEXT: Final = 0x81  # a whole message of text


class Sockets(WebSocketsSansIOProtocol):
    """One connection, which the application may write whole frames to.

    A message through ASGI passes each middleware's `send`, the states of two libraries and a frame of its own: 100 us
    of CPU. A frame that was made once for all who hear it takes the system call, a tenth of that.
    Closing a connection the usual way would wait until the client has read what was sent before.
    """

    on_room: Callable[[], None] | None = None  # called when the client reads again
    ended = ""  # why the service ended it
    _stuck: asyncio.TimerHandle | None = None

    def handle_connect(self, event: Request) -> None:
        """Begin; the application finds the wire in its scope."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            cast(Scope, self.scope)["extensions"][_EXTENSION] = self

    def has_room(self) -> bool:
        """Return whether a frame may be written: it is open, and the client reads what is sent."""
        return self.writable.is_set() and not self.close_sent and not self.transport.is_closing()

    def write(self, frame: bytes) -> None:
        """Send a whole frame. Doesn't wait: ask before whether there is room."""
        self.transport.write(frame)

    def pause_writing(self) -> None:
        """Note that the client doesn't read."""
        super().pause_writing()
        self._stuck = self.loop.call_later(STUCK_S, self._give_up)

    def resume_writing(self) -> None:
        """Note that it does again."""
        super().resume_writing()
        self._read_again()
        if self.on_room is not None:
            self.on_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._read_again()
        super().connection_lost(exc)

    def fail(self, reason: str) -> None:
        """End it with code 1011: the fault is the service's."""
        self.ended = reason
        if not self.close_sent and not self.transport.is_closing():
            self.conn.fail(1011, reason)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            self.transport.close()

    def _give_up(self) -> None:
        self.ended = "slow"
        self.transport.abort()

    def _read_again(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None


def wire_of(scope: Scope) -> Sockets:
    """Return the connection that an accepted WebSocket of this service goes over."""
    wire: Sockets = scope["extensions"][_EXTENSION]
    return wire


def text_frame(payload: bytes) -> bytes:
    """Return a message as the server's frame (RFC 6455, 5.2): whole, not masked, not compressed."""
    size = len(payload)
    if size < 126:
        return pack("!BB", _TEXT, size) + payload
    return (pack("!BBH", _TEXT, 126, size) if size < 1 << 16 else pack("!BBQ", _TEXT, 127, size)) + payload
