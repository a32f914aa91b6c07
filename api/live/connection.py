"""One client of `/ws/realtime`: what it wants, and what it has not been told yet."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from api.live.hub import Hub, Key
from api.live.messages import EVERYTHING, Wanted, envelope, read, update
from api.parameters import now
from schema.times import iso

HEARTBEAT_S: Final = 15.0
MESSAGES: Final = 5  # of a client in a second
_PATIENCE: Final = 50  # messages too many, before the connection is closed
_SEND_S: Final = 30.0  # that one message may take; then nobody is there
_POLICY, _GONE = 1008, 1011
CLOSES: Final = {  # codes that end a connection (RFC 6455, 7.4.1), as a metric's label
    1000: "done", 1001: "left", 1002: "protocol error", 1005: "done", 1006: "lost", 1007: "not UTF-8",
    1009: "too large", 1012: "service ends",
}  # fmt: skip


class Connection:
    """Keeps the names of changed series, never their values: a slow client gets the newest of each, in one message."""

    def __init__(self, socket: WebSocket, hub: Hub) -> None:
        """Serve an accepted WebSocket."""
        self._socket, self._hub = socket, hub
        self._wanted = Wanted([])
        self._keys = set[Key]()  # listened to
        self._pending = dict[Key, None]()  # in the order they changed in
        self._changed = asyncio.Event()
        self._sequence: int | None = None
        self._reason = ""

    def tell(self, key: Key) -> None:
        """Note that a series has a new prediction."""
        if key in self._keys or (key[0], EVERYTHING) in self._keys:  # a last word may come after the end
            self._pending[key] = None
            self._changed.set()

    async def run(self) -> str:
        """Serve until either side ends it; return why it ended, in one of a few words."""
        reading, sending = asyncio.create_task(self._read()), asyncio.create_task(self._send())
        try:
            await asyncio.wait((reading, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.remove(self, self._keys)
            for task in (reading, sending):
                task.cancel()
            await asyncio.gather(reading, sending, return_exceptions=True)
        return self._reason

    async def _read(self) -> None:
        arrivals, refused = list[float](), 0
        while True:
            message = await self._socket.receive()
            if message["type"] != "websocket.receive":
                self._reason = self._reason or CLOSES.get(message.get("code", 1005), "other")
                return
            at = time.monotonic()
            arrivals = [*(t for t in arrivals if at - t < 1.0), at]
            if len(arrivals) > MESSAGES:
                refused += 1
                if refused > _PATIENCE:
                    self._reason = "too many messages"
                    await self._socket.close(_POLICY, self._reason)
                    return
                await self._say("error", {"detail": f"more than {MESSAGES} messages in a second; this one is ignored"})
                continue
            try:
                await self._subscribe(read(message.get("text") or message.get("bytes") or b""))
            except ValueError as error:
                await self._say("error", {"detail": str(error)})

    async def _subscribe(self, wanted: Wanted) -> None:
        there = self._hub.timeframes()
        timeframe = wanted.timeframe or (there[0] if there else None)
        if timeframe is None or (there and timeframe not in there):
            raise ValueError(f"timeframe {timeframe!r} isn't running; predictions are there in {there}")
        everything = EVERYTHING in wanted.symbols
        keys = {(timeframe, symbol) for symbol in ([EVERYTHING] if everything else wanted.symbols)}
        known = self._hub.known(timeframe, wanted.symbols)
        unknown = [] if everything else sorted(keys - set(known))
        self._hub.remove(self, self._keys)
        self._hub.add(self, keys)
        self._wanted, self._keys, self._pending = wanted, keys, {}
        newest = max((self._hub.sequence(key) for key in known), default=0)
        since = wanted.since if wanted.since is not None and wanted.since <= newest else -1  # another run counts anew
        await self._say(
            "subscribed",
            {"symbols": [symbol for _, symbol in known], "unknown": [symbol for _, symbol in unknown],
             "timeframe": timeframe, "update_frequency": wanted.update_frequency},
        )  # fmt: skip
        for key in known:
            if self._hub.sequence(key) > since:
                self.tell(key)

    async def _send(self) -> None:
        """Send what changed, at most once a period; a heartbeat where nothing did for a while."""
        while True:
            try:
                await asyncio.wait_for(self._changed.wait(), HEARTBEAT_S)
            except TimeoutError:
                await self._say("heartbeat", {"timestamp": iso(now())}, self._sequence)
                continue
            begun = time.monotonic()
            await self._update()
            await asyncio.sleep(max(begun + self._wanted.update_frequency - time.monotonic(), 0))

    async def _update(self) -> None:
        self._changed.clear()
        keys, self._pending = self._pending, {}
        parts = list[tuple[str, int, bytes]]()
        for key in keys:
            sequence, data = self._hub.sequence(key), await self._hub.encoded(key, self._wanted.include_spectral)
            if data is None:
                self.tell(key)  # the store is away: later
            else:
                parts.append((key[1], sequence, data))
        if parts:
            self._sequence = max(sequence for _, sequence, _ in parts)
            await self._write(update(parts))

    async def _say(self, kind: str, data: Any, sequence: int | None = None) -> None:
        await self._write(envelope(kind, data, sequence))

    async def _write(self, message: bytes) -> None:
        try:
            async with asyncio.timeout(_SEND_S):
                await self._socket.send_text(message.decode())
        except TimeoutError:
            self._reason = "slow"
            if self._socket.application_state == WebSocketState.CONNECTED:
                await self._socket.close(_GONE, "nothing was read for a while")
            raise WebSocketDisconnect(_GONE) from None
