"""What one client of `/ws/realtime` has not been told yet, and when it may be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from api.live.hub import Hub, Key
from api.live.messages import EVERYTHING, Update, Wanted, envelope, together
from api.live.sockets import Sockets, text_frame
from api.parameters import now
from ops.log import logger
from schema.times import iso

HEARTBEAT_S: Final = 15.0


class Outbox:
    """Keeps the names of changed series, never their values: a slow client gets the newest of each, in one message.

    What may be sent goes out in the call that says so, as the frame that all who hear the series share: no task of the
    client's is woken. What may not, as the client's period isn't over or it doesn't read, goes when that ends.
    """

    def __init__(self, wire: Sockets, hub: Hub) -> None:
        """Send over an accepted connection, heartbeats too, until `close`."""
        self._wire, self._hub, self._loop = wire, hub, asyncio.get_running_loop()
        self._wanted, self._keys = Wanted([]), frozenset[Key]()
        self._pending = dict[Key, None]()  # in the order they changed in
        self._jobs = dict[str, bytes]()  # job -> the frame that wasn't sent yet
        self._sequence: int | None = None
        self._due = 0.0  # monotonic s: the client's period is over
        self._later: asyncio.TimerHandle | None = None  # while it isn't
        self._making: asyncio.Task[None] | None = None  # while the store is asked
        self.spoke = time.monotonic()
        self._heart = self._loop.call_later(HEARTBEAT_S, self._beat)
        wire.on_room = self.deliver

    def begin(self, wanted: Wanted, keys: frozenset[Key]) -> None:
        """Send these series from here on, and forget what wasn't sent of others."""
        if self._making is not None:
            self._making.cancel()
        self._wanted, self._keys, self._pending, self._jobs, self._making = wanted, keys, {}, {}, None

    def tell(self, key: Key) -> None:
        """Note that a series has a new prediction; `deliver` follows."""
        if key in self._keys or (key[0], EVERYTHING) in self._keys:  # a last word may come after the end
            self._pending[key] = None

    def tell_job(self, job_id: str, frame: bytes) -> None:
        """Note how a job is now. Those that change in one moment go together."""
        if self._wanted.jobs:
            self._jobs[job_id] = frame
            if self._later is None:
                self._wait(max(self._due - time.monotonic(), 0.0))

    def deliver(self) -> None:
        """Send what changed, if it may be sent now; else see to it that it is when it may. Never raises."""
        if self._later is not None or self._making is not None or not (self._pending or self._jobs):
            return
        try:
            self._deliver()
        except Exception:
            self._fail()

    def _deliver(self) -> None:
        if (early := self._due - time.monotonic()) > 0:
            self._wait(early)
        elif self._wire.has_room():  # else it calls when it has
            ready, spectral = self._hub.ready, self._wanted.include_spectral
            parts = list[Update]()
            for key in self._pending:
                if (part := ready(key, spectral)) is None:
                    self._making = self._loop.create_task(self._make())
                    return
                parts.append(part)
            self._pending.clear()
            self._send(parts)

    def _wait(self, seconds: float) -> None:
        self._later = self._loop.call_later(seconds, self._period_over)

    def _period_over(self) -> None:
        self._later = None
        self.deliver()

    async def _make(self) -> None:
        """Send what the store must be asked for; what it can't be asked for now is tried a period later."""
        keys, found = self._pending, dict[Key, Update | None]()
        self._pending = {}
        try:
            for key in keys:
                self._pending.pop(key, None)  # it has changed again, which is in what comes now
                found[key] = await self._hub.update(key, self._wanted.include_spectral)
        except Exception:
            self._fail()
            return
        self._making = None
        parts = [part for part in found.values() if part is not None]
        if self._wire.has_room():
            self._send(parts)
            keys = {key: None for key in keys if found[key] is None and self._hub.newest(key) is not None}
        self._pending = keys | self._pending
        self.deliver()

    def _send(self, parts: Sequence[Update]) -> None:
        self.spoke = time.monotonic()
        self._due = self.spoke + self._wanted.update_frequency
        if len(parts) == 1:
            self._sequence = parts[0].sequence
            self._wire.write(parts[0].alone)
        elif parts:
            self._sequence = max(part.sequence for part in parts)
            self._wire.write(together(parts))
        if self._jobs:
            jobs, self._jobs = self._jobs, {}
            for frame in jobs.values():
                self._wire.write(frame)

    def _beat(self) -> None:
        """Send a heartbeat where nothing was said for a while; look again when that could be so."""
        quiet = time.monotonic() - self.spoke
        if quiet >= HEARTBEAT_S and self._wire.has_room():
            self._wire.write(text_frame(envelope("heartbeat", {"timestamp": iso(now())}, self._sequence)))
            self.spoke, quiet = time.monotonic(), 0.0
        self._heart = self._loop.call_later(max(HEARTBEAT_S - quiet, 1.0), self._beat)

    def _fail(self) -> None:
        logger("api").exception("a WebSocket could not be told")
        self._wire.fail("service failed")

    def close(self) -> None:
        """Send nothing any more."""
        self._wire.on_room = None
        self._heart.cancel()
        if self._later is not None:
            self._later.cancel()
        if self._making is not None:
            self._making.cancel()
