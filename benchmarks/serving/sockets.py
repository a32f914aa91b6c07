"""Many WebSockets, one symbol each: when updates come.

    python -m benchmarks.serving.sockets HOST:PORT CONNECTIONS SYMBOLS SECONDS

prints `ready` once all are subscribed, and in the end JSON: [connection, sequence, ns UTC] of every update.

Frames are read by hand (RFC 6455): a client of a library takes as long to receive an update as the service to send it,
and on the same two cores one would measure the client.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from benchmarks.serving.market import TIMEFRAME, names

_UPGRADE: Final = (
    "GET /ws/realtime HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A


class _Heard(msgspec.Struct):
    type: str
    sequence: int | None


_decode = msgspec.json.Decoder(_Heard).decode


class Listener(asyncio.Protocol):
    """One connection: it subscribes, and notes every update with the time at which its bytes were there."""

    def __init__(self, host: str, symbol: str, note: Callable[[int | None, int], None], ready: Callable[[], None]):
        """Call `note` with the sequence and the time (ns UTC) of each update, `ready` at the first message."""
        self._host, self._symbol, self._note, self._ready = host, symbol, note, ready
        self._bytes, self._upgraded, self._heard = bytearray(), False, False
        self._transport: Any = None
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = transport
        self._transport.write(_UPGRADE.format(host=self._host).encode())

    def data_received(self, data: bytes) -> None:
        """Take what came apart into frames."""
        at = time.time_ns()
        self._bytes += data
        if not self._upgraded:
            head, found, rest = self._bytes.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head[:20]:
                raise SystemExit(f"the service did not upgrade: {head[:200]!r}")
            self._bytes, self._upgraded = rest, True
            wanted = {"symbols": [self._symbol], "update_frequency": 0.1, "timeframe": TIMEFRAME}
            self._send(_TEXT, json.dumps(wanted).encode())
        while (frame := _frame(self._bytes)) is not None:
            kind, begin, end = frame
            self._take(kind, bytes(self._bytes[begin:end]), at)
            del self._bytes[:end]

    def connection_lost(self, error: Exception | None) -> None:
        """Note that it is over."""
        self.closed = True

    def _take(self, kind: int, payload: bytes, at: int) -> None:
        if kind == _PING:
            self._send(_PONG, payload)
        if kind != _TEXT:
            return
        if not self._heard:
            self._heard = True
            self._ready()
        message = _decode(payload)
        if message.type in ("prediction", "predictions"):
            self._note(message.sequence, at)

    def _send(self, kind: int, payload: bytes) -> None:
        """A client's frame is masked; a mask of zeros leaves it as it is."""
        size = struct.pack("!BB", kind, 0x80 | len(payload)) if len(payload) < 126 else struct.pack(
            "!BBH", kind, 0x80 | 126, len(payload)
        )  # fmt: skip
        self._transport.write(size + bytes(4) + payload)


def _frame(data: bytearray) -> tuple[int, int, int] | None:
    """Return first byte, begin and end of the payload of the first whole frame, None before it is there."""
    if len(data) < 2:
        return None
    size, begin = data[1] & 0x7F, 2
    if size >= 126:
        form, begin = ("!H", 4) if size == 126 else ("!Q", 10)
        if len(data) < begin:
            return None
        (size,) = struct.unpack_from(form, data, 2)
    return (data[0], begin, begin + size) if len(data) >= begin + size else None


async def listen(address: str, connections: int, symbols: Sequence[str], seconds: float) -> list[list[Any]]:
    """Hold the connections and return [connection, sequence, ns UTC] of every update."""
    heard, ready, everybody = list[list[Any]](), 0, asyncio.Event()
    (host, port), loop = address.split(":"), asyncio.get_running_loop()

    def one_more() -> None:
        nonlocal ready
        ready += 1
        if ready == connections:
            everybody.set()

    def listener(k: int) -> Listener:
        return Listener(
            address, symbols[k % len(symbols)], lambda sequence, at: heard.append([k, sequence, at]), one_more
        )

    held = []
    for first in range(0, connections, 100):  # not all at once: a listening socket's queue is finite
        coming = range(first, min(first + 100, connections))
        opened = [loop.create_connection(partial(listener, k), host, int(port)) for k in coming]
        held += [protocol for _, protocol in await asyncio.gather(*opened)]
        await asyncio.sleep(0.2)
    await everybody.wait()
    print("ready", flush=True)
    await asyncio.sleep(seconds)
    if lost := sum(protocol.closed for protocol in held):
        raise SystemExit(f"{lost} of {connections} connections were closed by the service")
    return heard


if __name__ == "__main__":
    found = asyncio.run(listen(sys.argv[1], int(sys.argv[2]), names(int(sys.argv[3])), float(sys.argv[4])))
    print(json.dumps(found))
