"""Requests over a few kept connections, as fast as they are answered or at a rate; latency from the scheduled time.

    python -m benchmarks.serving.http HOST:PORT CONNECTIONS SECONDS RATE < REQUESTS

REQUESTS are JSON lines [method, path, body]; RATE 0 sends the next request as soon as one is answered.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

Call = tuple[str, str, Any]


def encoded(host: str, call: Call) -> bytes:
    """Return one request as bytes."""
    method, path, body = call
    payload = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(payload)}\r\n"
    return f"{head}content-type: application/json\r\n\r\n".encode() + payload


class Client:
    """One connection that answers are read from one by one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, request: bytes) -> int:
        """Send it and return the status."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await self._reader.readexactly(int(length.split(b":")[1]))
        return int(head.split(b" ", 2)[1])


async def load(address: str, connections: int, seconds: float, rate: float, calls: list[Call]) -> dict[str, Any]:
    """Ask for `seconds`; return the rate (1/s) and percentiles of the time to the whole answer (ms)."""
    host, port = address.split(":")
    clients = [Client(*await asyncio.open_connection(host, int(port))) for _ in range(connections)]
    requests = [encoded(address, call) for call in calls]
    took, wrong, sent = list[float](), 0, 0
    begun = time.perf_counter()

    async def work(client: Client) -> None:
        nonlocal sent, wrong
        while (now := time.perf_counter()) < begun + seconds:
            due = begun + sent / rate if rate else now
            if due >= begun + seconds:
                return
            number, sent = sent, sent + 1
            await asyncio.sleep(max(due - now, 0)) if rate else None
            status = await client.ask(requests[number % len(requests)])
            took.append(time.perf_counter() - due)
            wrong += status != 200

    await asyncio.gather(*(work(client) for client in clients))
    elapsed, ranked = time.perf_counter() - begun, sorted(took)
    at = {f"p{q}": round(1e3 * ranked[min(int(len(ranked) * q / 100), len(ranked) - 1)], 2) for q in (50, 99, 99.9)}
    return {"rate": round(len(took) / elapsed), "errors": wrong, **at}


if __name__ == "__main__":
    found = [tuple(json.loads(line)) for line in sys.stdin]
    print(json.dumps(asyncio.run(load(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), found))))  # type: ignore[arg-type]
