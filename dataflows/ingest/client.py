"""The connection to a venue: made, watched, made again. What comes over it goes to the recorder."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from dataflows.ingest.backoff import Backoff
from dataflows.ingest.recorder import Recorder
from ops.log import logger

SECOND: Final = 1_000_000_000  # ns
_TOO_BIG: Final = 1009  # WebSocket close code: a message larger than is taken


class Patience(NamedTuple):
    """How long the client waits for what (s)."""

    connect: float = 10.0
    stall: float = 30.0
    ping: float = 20.0
    backoff: float = 0.5
    backoff_most: float = 60.0
    steady: float = 30.0
    batch: float = 0.02
    message_bytes: int = 4 << 20


class Client:
    """Keeps one connection to the recorder's venue, for as long as nobody asks it to stop."""

    def __init__(
        self, recorder: Recorder, symbols: tuple[str, ...], url: str, patience: Patience, random: Random,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:  # fmt: skip
        """Connect to `url` when `run`; `clock` gives ns UTC."""
        self.recorder, self.symbols, self.url, self.patience, self.clock = recorder, symbols, url, patience, clock
        self._backoff = Backoff(patience.backoff, patience.backoff_most, random)
        self._socket: ClientConnection | None = None
        self._reason = ""  # why we end a connection ourselves

    async def run(self, stop: Callable[[], bool]) -> None:
        """Record until `stop` says so, then write what there is. Raises what the target raises."""
        watching = asyncio.create_task(self._watch(stop))
        connecting = asyncio.create_task(self._keep_connected())
        try:
            done, _ = await asyncio.wait({watching, connecting}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (watching, connecting):
                task.cancel()
            await asyncio.gather(watching, connecting, return_exceptions=True)
        self.recorder.drain(self.clock())

    async def _watch(self, stop: Callable[[], bool]) -> None:
        """Write every few milliseconds, and end a connection that is silent for too long."""
        while not stop():
            now = self.clock()
            self.recorder.pause(now, self._socket is not None)
            silent = now - self.recorder.last_data
            if self._socket is not None and not self._reason and silent > self.patience.stall * SECOND:
                self._end("stall")
            await asyncio.sleep(self.patience.batch)

    async def _keep_connected(self) -> None:
        log = logger("ingest")
        while True:
            self._reason, began = "", self.clock()
            reason, text = await self._one_connection()
            now = self.clock()
            self.recorder.lost(reason, now)
            if self.recorder.last_data - began >= self.patience.steady * SECOND:
                self._backoff.reset()
            wait = self._backoff.wait()
            log.warning("connection lost", venue=self.recorder.venue.name, reason=reason, found=text, retry_s=wait)
            await asyncio.sleep(wait)

    async def _one_connection(self) -> tuple[str, str]:
        """Connect, subscribe, receive until it ends; return why, in a word and in the words of the error."""
        patience = self.patience
        try:
            async with connect(
                self.url, open_timeout=patience.connect, ping_interval=patience.ping, ping_timeout=patience.ping,
                close_timeout=1.0, max_size=patience.message_bytes, max_queue=256,
                proxy=True if self.url.startswith("wss:") else None,
            ) as socket:  # fmt: skip
                await self._receive(socket)
                return self._reason or "closed", "the exchange closed the connection"
        except TimeoutError as error:
            return self._reason or "timeout", str(error) or "no answer in time"
        except OSError as error:
            return self._reason or "unreachable", str(error)
        except WebSocketException as error:
            return self._reason or _kind(error), str(error)
        finally:
            self._socket = None

    async def _receive(self, socket: ClientConnection) -> None:
        for request in self.recorder.venue.subscriptions(self.symbols):
            await socket.send(request)
        self.recorder.last_data = self.clock()  # from here on silence counts
        self._socket = socket
        self.recorder.totals.connections += 1
        logger("ingest").info("connected", venue=self.recorder.venue.name, symbols=len(self.symbols))
        async for raw in socket:
            complaint = self.recorder.take(raw.encode() if isinstance(raw, str) else raw, self.clock())
            if complaint is not None and not self._reason:
                logger("ingest").warning("the exchange complains", venue=self.recorder.venue.name, found=complaint)
                self._end("complaint")

    def _end(self, reason: str) -> None:
        """End the connection at once: one that is dead would not answer a goodbye."""
        self._reason = reason
        if self._socket is not None:
            self._socket.transport.abort()


def _kind(error: Exception) -> str:
    """Say in a word how a WebSocket failed."""
    code = getattr(getattr(error, "sent", None), "code", None)
    if code == _TOO_BIG:
        return "too_big"
    return "closed" if hasattr(error, "rcvd") else "refused"
