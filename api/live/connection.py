"""One client of `/ws/realtime`: what it wants, and what it has not been told yet."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from api.live.hub import Hub, Key
from api.live.jobs import JobFeed
from api.live.messages import EVERYTHING, Update, Wanted, envelope, read, together
from api.live.sockets import STUCK_S
from api.parameters import now
from ops.log import logger
from schema.times import iso

HEARTBEAT_S: Final = 15.0
MESSAGES: Final = 5  # of a client in a second
_PATIENCE: Final = 50  # messages too many, before the connection is closed
_POLICY, _ERROR = 1008, 1011
CLOSES: Final = {  # codes that end a connection (RFC 6455, 7.4.1), as a metric's label
    1000: "done", 1001: "left", 1002: "protocol error", 1005: "done", 1006: "lost", 1007: "not UTF-8",
    1009: "too large", 1012: "service ends",
}  # fmt: skip


class Connection:
    """Keeps the names of changed series, never their values: a slow client gets the newest of each, in one message.

    Two tasks: who accepted the socket reads, another one sends. One timer for heartbeats, none a message.
    """

    def __init__(self, socket: WebSocket, hub: Hub, job_feed: JobFeed) -> None:
        """Serve an accepted WebSocket."""
        self._socket, self._hub, self._job_feed = socket, hub, job_feed
        self._wanted = Wanted([])
        self._keys = set[Key]()  # listened to
        self._pending = dict[Key, None]()  # in the order they changed in
        self._jobs = dict[str, str]()  # job -> what wasn't sent yet
        self._changed = asyncio.Event()
        self._sequence: int | None = None
        self._reason = ""
        self._spoke, self._writing = time.monotonic(), 0.0  # s: last message; since when one is on its way, or 0

    def tell(self, key: Key) -> None:
        """Note that a series has a new prediction."""
        if key in self._keys or (key[0], EVERYTHING) in self._keys:  # a last word may come after the end
            self._pending[key] = None
            self._changed.set()

    def tell_job(self, job_id: str, message: str) -> None:
        """Note how a job is now."""
        if self._wanted.jobs:
            self._jobs[job_id] = message
            self._changed.set()

    async def run(self) -> str:
        """Serve until either side ends it; return why it ended, in one of a few words."""
        sending = asyncio.create_task(self._send())
        try:
            with suppress(WebSocketDisconnect):
                await self._read()
        finally:
            self._hub.remove(self, self._keys)
            self._job_feed.remove(self)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return self._reason or self._why(1006)

    async def _read(self) -> None:
        arrivals, refused = list[float](), 0
        while True:
            message = await self._socket.receive()
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
        stuck = self._writing and time.monotonic() - self._writing > 0.9 * STUCK_S
        return "slow" if stuck else CLOSES.get(code, "other")

    async def _subscribe(self, wanted: Wanted) -> None:
        there = self._hub.timeframes()
        timeframe = wanted.timeframe or (there[0] if there else None)
        jobs_alone = wanted.jobs and not wanted.symbols
        if not jobs_alone and (timeframe is None or (there and timeframe not in there)):
            raise ValueError(f"timeframe {timeframe!r} isn't running; predictions are there in {there}")
        everything = EVERYTHING in wanted.symbols
        keys = {(timeframe or "", symbol) for symbol in ([EVERYTHING] if everything else wanted.symbols)}
        known = self._hub.known(timeframe or "", wanted.symbols)
        unknown = [] if everything else sorted(keys - set(known))
        self._hub.remove(self, self._keys)
        self._hub.add(self, keys)
        self._wanted, self._keys, self._pending, self._jobs = wanted, keys, {}, {}
        newest = max((self._hub.sequence(key) for key in known), default=0)
        since = wanted.since if wanted.since is not None and wanted.since <= newest else -1  # another run counts anew
        await self._say(
            "subscribed",
            {"symbols": [symbol for _, symbol in known], "unknown": [symbol for _, symbol in unknown],
             "timeframe": timeframe, "update_frequency": wanted.update_frequency, "jobs": wanted.jobs},
        )  # fmt: skip
        for key in known:
            if self._hub.sequence(key) > since:
                self.tell(key)
        if wanted.jobs:
            await self._job_feed.add(self)
        else:
            self._job_feed.remove(self)

    async def _send(self) -> None:
        """Send what changed, at most once a period, and a heartbeat where nothing was said for a while."""
        self._beat()
        due = 0.0
        try:
            while True:
                await self._changed.wait()
                if (early := due - time.monotonic()) > 0:
                    await asyncio.sleep(early)
                self._changed.clear()
                due = time.monotonic() + self._wanted.update_frequency
                if self._pending or self._jobs:
                    await self._update()
                else:
                    await self._say("heartbeat", {"timestamp": iso(now())}, self._sequence)
        except WebSocketDisconnect:
            pass  # who reads hears of it too
        except Exception:
            logger("api").exception("a WebSocket could not be told")
            await self._close(_ERROR, "service failed")
        finally:
            self._heart.cancel()

    def _beat(self) -> None:
        """Wake the sender where nothing was said for a while; look again when that could be so."""
        quiet = time.monotonic() - self._spoke
        if quiet >= HEARTBEAT_S:
            self._changed.set()
        wait = HEARTBEAT_S if quiet >= HEARTBEAT_S else HEARTBEAT_S - quiet
        self._heart = asyncio.get_running_loop().call_later(wait, self._beat)

    async def _update(self) -> None:
        keys, self._pending = self._pending, {}
        parts = list[Update]()
        for key in keys:
            found = await self._hub.update(key, self._wanted.include_spectral)
            if found is not None:
                parts.append(found)
            elif self._hub.newest(key) is not None:
                self.tell(key)  # the store is away: later
        if parts:
            self._sequence = max(part.sequence for part in parts)
            await self._write(parts[0].alone if len(parts) == 1 else together(parts))
        jobs, self._jobs = self._jobs, {}
        for message in jobs.values():
            await self._write(message)

    async def _say(self, kind: str, data: Any, sequence: int | None = None) -> None:
        await self._write(envelope(kind, data, sequence))

    async def _write(self, message: str) -> None:
        self._spoke = self._writing = time.monotonic()
        await self._socket.send_text(message)
        self._writing = 0.0

    async def _close(self, code: int, reason: str) -> None:
        self._reason = reason
        with suppress(WebSocketDisconnect, RuntimeError):  # it has ended meanwhile
            await self._socket.close(code, reason)
