"""Many WebSockets, one symbol each: when updates come.

    python -m benchmarks.serving.sockets HOST:PORT CONNECTIONS SYMBOLS SECONDS

prints `ready` once all are subscribed, and in the end JSON: [connection, sequence, ns UTC] of every update.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from websockets.asyncio.client import connect

from benchmarks.serving.market import TIMEFRAME, names


class _Heard(msgspec.Struct):
    type: str
    sequence: int | None


_decode = msgspec.json.Decoder(_Heard).decode


async def listen(address: str, connections: int, symbols: Sequence[str], seconds: float) -> list[list[Any]]:
    """Hold the connections and return [connection, sequence, ns UTC] of every update."""
    heard, ready = list[list[Any]](), 0
    everybody = asyncio.Event()

    async def one(k: int) -> None:
        nonlocal ready
        async with connect(f"ws://{address}/ws/realtime", compression=None, ping_interval=None) as socket:
            wanted = {"symbols": [symbols[k % len(symbols)]], "update_frequency": 0.1, "timeframe": TIMEFRAME}
            await socket.send(json.dumps(wanted))
            ready += 1
            if ready == connections:
                everybody.set()
            await everybody.wait()
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                try:
                    message = _decode(await asyncio.wait_for(socket.recv(), left))
                except TimeoutError:
                    return
                if message.type in ("prediction", "predictions"):
                    heard.append([k, message.sequence, time.time_ns()])

    async def tell() -> None:
        await everybody.wait()
        print("ready", flush=True)

    tasks = [asyncio.create_task(tell())]
    for first in range(0, connections, 100):  # not all at once: a listening socket's queue is finite
        tasks += [asyncio.create_task(one(k)) for k in range(first, min(first + 100, connections))]
        await asyncio.sleep(0.2)
    await asyncio.gather(*tasks)
    return heard


if __name__ == "__main__":
    found = asyncio.run(listen(sys.argv[1], int(sys.argv[2]), names(int(sys.argv[3])), float(sys.argv[4])))
    print(json.dumps(found))
