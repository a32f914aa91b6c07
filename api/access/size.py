"""How much a request may carry."""

from __future__ import annotations

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem


class LimitSize:
    """Middleware: a body of more than `most` bytes is a 413, and not read to its end."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        """Wrap `app`."""
        self._app, self._most = app, most
        self._detail = f"the body has more than {most} bytes; ask for less at once"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let through what is small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._most:
            answer = problem(Request(scope), 413, self._detail, {"Connection": "close"})
            await answer(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise HTTPException(413, self._detail)
            return message

        await self._app(scope, counted, send)
