"""One client of `/ws/realtime`: what it asks for, how often, and why it goes."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Final

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected

from api.live.hub import Hub, Key
from api.live.jobs import JobFeed
from api.live.messages import EVERYTHING, Wanted, envelope, read
from api.live.outbox import Outbox
from api.live.sockets import wire_of

MESSAGES: Final = 5  # of a client in a second
_PATIENCE: Final = 50  # messages too many, before the connection is closed
_POLICY: Final = 1008
CLOSES: Final = {  # codes that end a connection (RFC 6455, 7.4.1), as a metric's label
    1000: "done", 1001: "left", 1002: "protocol error", 1005: "done", 1006: "lost", 1007: "not UTF-8",
    1009: "too large", 1012: "service ends",
}  # fmt: skip


class Connection:
    """Reads what the client wants; its outbox sends it. One task, and no memory of what was sent."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, hub: Hub, job_feed: JobFeed) -> None:
        """Serve an accepted WebSocket."""
        self._receive, self._send, self._hub, self._job_feed = receive, send, hub, job_feed
        self._wire = wire_of(scope)
        self._outbox = Outbox(self._wire, hub)
        self._keys = frozenset[Key]()  # listened to
        self._reason = ""

    async def run(self) -> str:
        """Serve until either side ends it; return why it ended, in one of a few words."""
        try:
            with suppress(ClientDisconnected):
                await self._read()
        finally:
            self._hub.remove(self._outbox, self._keys)
            self._job_feed.remove(self._outbox)
            self._outbox.close()
        return self._reason or self._why(1006)

    async def _read(self) -> None:
        arrivals, refused = list[float](), 0
        while True:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                self._reason = self._reason or self._why(message.get("code", 1005))
                return
            at = time.monotonic()
            arrivals = [*(t for t in arrivals if at - t < 1.0), at]
            if len(arrivals) > MESSAGES:
                refused += 1
                if refused > _PATIENCE:
                    await self._close(_POLICY, "too many messages")
                    return
                await self._say("error", {"detail": f"more than {MESSAGES} messages in a second; this one is ignored"})
                continue
            try:
                await self._subscribe(read(message.get("text") or message.get("bytes") or b""))
            except ValueError as error:
                await self._say("error", {"detail": str(error)})

    def _why(self, code: int) -> str:
        return self._wire.ended or CLOSES.get(code, "other")

    async def _subscribe(self, wanted: Wanted) -> None:
        there = self._hub.timeframes()
        timeframe = wanted.timeframe or (there[0] if there else "")
        jobs_alone = wanted.jobs and not wanted.symbols
        if not jobs_alone and (not timeframe or (there and timeframe not in there)):
            raise ValueError(f"timeframe {timeframe or None!r} isn't running; predictions are there in {there}")
        self._hub.remove(self._outbox, self._keys)
        self._keys = frozenset()
        known = self._hub.known(timeframe, wanted.symbols)
        unknown = set() if EVERYTHING in wanted.symbols else set(wanted.symbols) - {symbol for _, symbol in known}
        await self._say(
            "subscribed",
            {"symbols": [symbol for _, symbol in known], "unknown": sorted(unknown),
             "timeframe": timeframe or None, "update_frequency": wanted.update_frequency, "jobs": wanted.jobs},
        )  # fmt: skip
        self._begin(wanted, timeframe)
        if wanted.jobs:
            await self._job_feed.add(self._outbox)
        else:
            self._job_feed.remove(self._outbox)

    def _begin(self, wanted: Wanted, timeframe: str) -> None:
        """Listen, and send the newest of each series that the client hasn't seen."""
        symbols = [EVERYTHING] if EVERYTHING in wanted.symbols else wanted.symbols
        self._keys = frozenset((timeframe, symbol) for symbol in symbols)
        self._outbox.begin(wanted, self._keys)
        self._hub.add(self._outbox, self._keys)
        known = self._hub.known(timeframe, wanted.symbols)
        newest = max((self._hub.sequence(key) for key in known), default=0)
        since = wanted.since if wanted.since is not None and wanted.since <= newest else -1  # another run counts anew
        for key in known:
            if self._hub.sequence(key) > since:
                self._outbox.tell(key)
        self._outbox.deliver()

    async def _say(self, kind: str, data: Any) -> None:
        """Answer the client. Waits while it doesn't read: until then nothing more is read of it."""
        await self._send({"type": "websocket.send", "text": envelope(kind, data).decode()})
        self._outbox.spoke = time.monotonic()

    async def _close(self, code: int, reason: str) -> None:
        self._reason = reason
        with suppress(ClientDisconnected, RuntimeError):  # it has ended meanwhile
            await self._send({"type": "websocket.close", "code": code, "reason": reason})
