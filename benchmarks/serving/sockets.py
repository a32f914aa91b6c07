"""Many WebSockets, one symbol each: when updates come.

    python -m benchmarks.serving.sockets HOST:PORT CONNECTIONS SYMBOLS

prints `ready` once all are subscribed and, when its input ends, JSON: [connection, sequence, ns UTC] of every update.

What is there is read and stamped before any of it is looked at, which waits until nothing comes: a client that decodes
an update before it reads the next would, on the same two cores, be measured itself. Frames are read by hand (RFC 6455).
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from benchmarks.serving.market import TIMEFRAME, names

_UPGRADE: Final = (
    "GET /ws/realtime HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_TEXT, _PING, _PONG = 0x81, 0x89, 0x8A
_QUIET_S: Final = 0.05  # without anything to read; then there is time to look at what was read
_PATIENCE_S: Final = 120.0  # for all to be subscribed
_AT_ONCE: Final = 100  # that connect at once: a listening socket's queue is finite


class _Heard(msgspec.Struct):
    type: str
    sequence: int | None


_decode = msgspec.json.Decoder(_Heard).decode


class Client:
    """One connection, which has subscribed to a symbol."""

    def __init__(self, address: str, symbol: str) -> None:
        """Connect and subscribe. Raises SystemExit where the service refuses."""
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.sendall(_UPGRADE.format(host=address).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(4096)
        if b" 101 " not in head[:20]:
            raise SystemExit(f"the service did not upgrade: {head[:200]!r}")
        self._bytes = bytearray(head.partition(b"\r\n\r\n")[2])
        self.kinds = set[str]()  # of messages that came
        self.updates = list[tuple[int | None, int]]()  # sequence, ns UTC
        wanted = {"symbols": [symbol], "update_frequency": 0.1, "timeframe": TIMEFRAME}
        self._send(_TEXT, json.dumps(wanted).encode())

    def take(self, data: bytes, at: int) -> None:
        """Note the messages that were whole with `data`, which was there at `at` (ns UTC)."""
        self._bytes += data
        while (frame := _frame(self._bytes)) is not None:
            kind, begin, end = frame
            payload = bytes(self._bytes[begin:end])
            del self._bytes[:end]
            if kind == _PING:
                self._send(_PONG, payload)
            elif kind == _TEXT:
                message = _decode(payload)
                self.kinds.add(message.type)
                if message.type in ("prediction", "predictions"):
                    self.updates.append((message.sequence, at))

    def _send(self, kind: int, payload: bytes) -> None:
        """A client's frame is masked; a mask of zeros leaves it as it is."""
        size = struct.pack("!BB", kind, 0x80 | len(payload)) if len(payload) < 126 else struct.pack(
            "!BBH", kind, 0x80 | 126, len(payload)
        )  # fmt: skip
        self.socket.sendall(size + bytes(4) + payload)


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


class Crowd:
    """All connections, read by one loop."""

    def __init__(self, address: str, connections: int, symbols: Sequence[str]) -> None:
        """Connect them all."""
        self._poll = select.epoll()
        self.clients = dict[int, Client]()
        self._read = list[tuple[Client, bytes, int]]()  # not looked at yet
        for k in range(connections):
            client = Client(address, symbols[k % len(symbols)])
            self._poll.register(client.socket, select.EPOLLIN)
            self.clients[client.socket.fileno()] = client
            if k % _AT_ONCE == _AT_ONCE - 1:
                self.hear(0.0)

    def hear(self, seconds: float) -> None:
        """Read and stamp what comes; look at it where nothing does. Raises SystemExit where the service hangs up."""
        until = time.monotonic() + seconds
        while True:
            for number, _ in (ready := self._poll.poll(_QUIET_S)):
                client = self.clients[number]
                data = client.socket.recv(1 << 20)
                self._read.append((client, data, time.time_ns()))
                if not data:
                    raise SystemExit("a connection was closed by the service")
            if not ready:
                read, self._read = self._read, []
                for client, data, at in read:
                    client.take(data, at)
                if time.monotonic() >= until:
                    return


def main(address: str, connections: int, symbols: Sequence[str]) -> None:
    """Hold the connections until the input ends, and print every update."""
    crowd = Crowd(address, connections, symbols)
    until = time.monotonic() + _PATIENCE_S
    while not all(client.kinds >= {"subscribed", "prediction"} for client in crowd.clients.values()):
        if time.monotonic() > until:
            raise SystemExit(f"after {_PATIENCE_S:g} s not all clients have their first prediction")
        crowd.hear(0.2)
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        crowd.hear(0.2)
    print(json.dumps([[k, *update] for k, client in enumerate(crowd.clients.values()) for update in client.updates]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), names(int(sys.argv[3])))
