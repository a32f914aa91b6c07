"""A TCP proxy on the loopback, between us and one server, that breaks the network on request.

    with proxied(server_port) as proxy:
        proxy.half_open()     # and delay, cut, reset, slow; one fault at a time
        ...
        assert proxy.felt     # how many connections or chunks met the fault: none of it may be imagined
        proxy.heal()

A connection that was half open stays so when the fault ends, as after a firewall has forgotten it: whoever is at its
end has to notice by himself.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

_CHUNK: Final = 64 << 10  # bytes
_LINGER: Final = struct.pack("ii", 1, 0)  # close() sends a reset
_FOR_EVER: Final = 86_400.0


class Proxy:
    """Forwards every connection to `port`, in a thread of its own."""

    def __init__(self, port: int, listen: int = 0) -> None:
        """Forward to `port` of the loopback; listen on a free port unless one is given."""
        self._target = port
        self._socket = socket.create_server(("127.0.0.1", listen), backlog=64)
        self.port: int = self._socket.getsockname()[1]
        self.felt = 0  # connections and chunks that met the present fault
        self._fault: _Way = _whole
        self._answers: _Way = _whole
        self._accepts: Callable[[_Link], Awaitable[None]] = _welcome
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name=f"proxy-{port}", daemon=True)
        self._thread.start()

    def heal(self) -> None:
        """End the fault."""
        self._set(_whole, _welcome)

    def delay(self, seconds: float) -> None:
        """Let every chunk of bytes wait, in both directions."""

        async def wait(link: _Link, chunk: bytes) -> bytes:
            await self._feel(seconds)
            return chunk

        self._set(wait, _welcome)

    def cut(self, after: int) -> None:
        """End every connection once `after` more bytes went through it."""

        async def count(link: _Link, chunk: bytes) -> bytes:
            link.left = after if link.left is None else link.left
            rest, link.left = chunk[: link.left], max(link.left - len(chunk), 0)
            if not link.left:
                await self._feel(0)
                link.ending = True
            return rest

        self._set(count, _welcome)

    def reset(self) -> None:
        """Reset every connection now, and every new one at once."""

        async def refuse(link: _Link) -> None:
            await self._feel(0)
            link.reset()

        self._set(_whole, refuse)
        self._call(lambda: [link.reset() for link in list(self._links)])

    def half_open(self) -> None:
        """Take connections and bytes, and never answer or pass anything on."""

        async def swallow(link: _Link, chunk: bytes) -> bytes:
            link.mute = True
            await self._feel(0)
            return b""

        async def ignore(link: _Link) -> None:
            link.mute = True
            await self._feel(0)

        self._set(swallow, ignore)
        self._call(lambda: [setattr(link, "mute", True) for link in self._links])

    def silence(self, after: int) -> None:
        """Pass what clients send, and `after` more bytes of each answer; the rest never comes."""

        async def count(link: _Link, chunk: bytes) -> bytes:
            link.left = after if link.left is None else link.left
            rest, link.left = chunk[: link.left], max(link.left - len(chunk), 0)
            if len(rest) < len(chunk):
                await self._feel(0)
            return rest

        self._set(_whole, _welcome, answers=count)

    def slow(self, bytes_a_second: float) -> None:
        """Read from either side no faster than this; what is sent faster fills the sender's buffers."""

        async def trickle(link: _Link, chunk: bytes) -> bytes:
            await self._feel(len(chunk) / bytes_a_second)
            return chunk

        self._set(trickle, _welcome)

    def close(self) -> None:
        """End everything."""
        self._call(lambda: [link.reset() for link in list(self._links)])
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._socket.close()

    def _set(self, fault: _Way, accepts: Callable[[_Link], Awaitable[None]], answers: _Way | None = None) -> None:
        def change() -> None:
            self._fault, self._answers, self._accepts, self.felt = fault, answers or fault, accepts, 0
            for link in self._links:
                link.left = None

        self._call(change)

    def _call(self, action: Callable[[], Any]) -> None:
        """Run in the proxy's thread and wait."""
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (action(), done.set()))
        assert done.wait(10.0), "the proxy's thread is stuck"

    async def _feel(self, seconds: float) -> None:
        self.felt += 1
        if seconds:
            await asyncio.sleep(seconds)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accepted, sock=self._socket, limit=_CHUNK))
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(writer)
        self._links.add(link)
        try:
            await self._accepts(link)
            if link.mute:
                while await reader.read(_CHUNK):
                    self.felt += 1
            elif not link.ended:
                await self._forward(link, reader, writer)
        except (OSError, asyncio.CancelledError):  # cancelled: the proxy ends
            pass
        finally:
            link.reset()
            self._links.discard(link)

    async def _forward(self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target, limit=_CHUNK)
        link.writers.append(back)
        pumps = [asyncio.create_task(self._pump(link, *way)) for way in ((reader, back, False), (there, writer, True))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            while link.mute and not pumps[0].done():  # the server may have gone: our client isn't told
                await asyncio.wait(pumps[:1], timeout=_FOR_EVER)
        finally:
            for pump in pumps:
                pump.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await asyncio.gather(*pumps)

    async def _pump(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool
    ) -> None:
        while chunk := await reader.read(_CHUNK):
            if link.mute:
                self.felt += 1
                continue
            if passed := await (self._answers if answers else self._fault)(link, chunk):
                writer.write(passed)
                await writer.drain()
            if link.ending:
                return


class _Link:
    """One connection of a client."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writers = [writer]
        self.left: int | None = None  # bytes until it is cut; None: not counted yet
        self.mute = self.ending = self.ended = False

    def reset(self) -> None:
        """Drop both its ends."""
        self.ended = True
        for writer in self.writers:
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            writer.transport.abort()


_Way = Callable[[_Link, bytes], Awaitable[bytes]]


async def _whole(link: _Link, chunk: bytes) -> bytes:
    return chunk


async def _welcome(link: _Link) -> None:
    return None


@contextmanager
def proxied(port: int, listen: int = 0) -> Iterator[Proxy]:
    """Run a proxy before `port`; it ends with the block."""
    proxy = Proxy(port, listen)
    try:
        yield proxy
    finally:
        proxy.close()
