"""The subscriber: stamps when each prediction reaches it. A process of its own, so that nothing of ours delays it.

    python -m benchmarks.live.listener HOST PORT PATTERN FILE     # until its stdin is closed; then FILE.npz is there

What is read together is stamped before any of it is parsed, and parsing waits until nothing comes.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from array import array
from typing import Any, Final

import hiredis
import msgspec
import numpy as np

_QUIET_S: Final = 0.002  # without anything new before what came is parsed
_MOST: Final = 64  # pieces that may wait
_PIECE: Final = 1 << 20


class _Message(msgspec.Struct):
    sequence: int
    prediction_id: str


class Heard:
    """Bar time, output sequence and stamp (ns) of each prediction."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.time, self.sequence, self.stamp = array("q"), array("q"), array("q")
        self._reader = hiredis.Reader()
        self._decode = msgspec.json.Decoder(_Message).decode

    def feed(self, stamp: int, piece: bytes) -> None:
        """Take what was read at `stamp`: a message counts from when its last byte was there."""
        self._reader.feed(piece)
        while (answer := self._reader.gets()) is not False:
            if isinstance(answer, list) and answer[0] == b"pmessage":
                self._add(stamp, answer[3])

    def _add(self, stamp: int, body: Any) -> None:
        message = self._decode(body)
        # the id ends with the bar's close (ns), its number, the horizon and the version: no colon in any of them
        self.time.append(int(message.prediction_id.rsplit(":", 4)[1]))
        self.sequence.append(message.sequence)
        self.stamp.append(stamp)

    def save(self, path: str) -> None:
        """Write the arrays."""
        np.savez(path, time=np.array(self.time), sequence=np.array(self.sequence), stamp=np.array(self.stamp))


def listen(connection: socket.socket, until: Any, heard: Heard) -> None:
    """Read until `until` becomes readable."""
    waiting: list[tuple[int, bytes]] = []
    while True:
        ready, _, _ = select.select([connection, until], [], [], _QUIET_S if waiting else 1.0)
        if connection in ready and len(waiting) < _MOST:
            waiting.append((time.time_ns(), connection.recv(_PIECE)))
            continue
        for stamp, piece in waiting:
            heard.feed(stamp, piece)
        waiting.clear()
        if until in ready and connection not in ready:
            return


def main() -> None:
    """Subscribe, listen, save."""
    host, port, pattern, path = sys.argv[1:]
    with socket.create_connection((host, int(port))) as connection:
        # before anything is sent: the receive window is agreed on with the first bytes
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        connection.sendall(f"*2\r\n$10\r\nPSUBSCRIBE\r\n${len(pattern)}\r\n{pattern}\r\n".encode())
        print("listening", flush=True)
        heard = Heard()
        listen(connection, sys.stdin, heard)
    heard.save(path)


if __name__ == "__main__":
    main()
