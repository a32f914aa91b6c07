"""A fake exchange on the loopback that misbehaves by a seed and knows what it really sent."""

from __future__ import annotations

import asyncio
import contextlib
import http
import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.ingest.wire import QUOTE, TRADE, WRITERS, Made, coinbase_heartbeat, text

GARBAGE = [
    "", "{", "null", "[]", '"trade"', '{"type":1}', '{"type":"match"}', '{"stream":"x@trade","data":{"e":"trade"}}',
    '{"type":"match","trade_id":-4}', '{"stream":"btcusdt@bookTicker","data":[]}', "\x00\xff", "[" * 5000,
    '{"stream":"btcusdt@trade","data":{"s":"BTCUSDT","t":99999999999999999999,"p":"1","q":"1","T":1,"m":true}}',
    '{"type":"match","trade_id":7,"product_id":"BTC-USD","size":"x","price":"1","side":"buy","time":"yesterday"}',
]  # fmt: skip


@dataclass
class Faults:
    """How often what goes wrong, a message; all by chance but seeded."""

    drop: float = 0.0  # trades only: a lost quote can't be seen from its number
    repeat: float = 0.0
    overtake: float = 0.0  # a message changes places with one of the next five
    garbage: float = 0.0
    huge: float = 0.0
    close: float = 0.0
    stall: float = 0.0
    stall_s: float = 1.2
    refuse: int = 0  # connections refused after each one that ended


@dataclass
class FakeExchange:
    """Makes trades and quotes from its start on, whether somebody listens or not."""

    venue: str
    symbols: tuple[str, ...]
    seed: int = 1
    rate: float = 400.0  # messages a second
    faults: Faults = field(default_factory=Faults)
    made: list[Made] = field(default_factory=list)
    wired: set[tuple[str, str, int]] = field(default_factory=set)  # handed to a socket
    happened: dict[str, int] = field(default_factory=dict)
    subscriptions: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._trade = {symbol: 1000 * k for k, symbol in enumerate(self.symbols, 1)}
        self._quote = {symbol: 10_000 * k for k, symbol in enumerate(self.symbols, 1)}
        self._socket: ServerConnection | None = None
        self._held: list[tuple[int, Made]] = []  # overtaken messages, with how many may still pass them
        self._stalled_until = 0.0
        self._refusals = 0
        self._beat = 0.0
        self._connected_at = 0.0
        self.port = 0

    @property
    def steady(self) -> bool:
        """Whether somebody has listened undisturbed for half a second."""
        now = time.monotonic()
        return self._socket is not None and now - max(self._connected_at, self._stalled_until) > 0.5

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/stream"

    async def run(self, stop: asyncio.Event) -> None:
        """Serve and make the market until `stop`."""
        server: Server = await serve(
            self._serve, "127.0.0.1", self.port, process_request=self._admit, close_timeout=0.2, ping_interval=None
        )
        async with server:
            self.port = server.sockets[0].getsockname()[1]
            began, n = time.monotonic(), 0
            while not stop.is_set():
                due = int((time.monotonic() - began) * self.rate)
                for _ in range(due - n):
                    await self._step()
                n = due
                await asyncio.sleep(0.002)
            await self._release(all_=True)
            server.close(close_connections=True)

    def _count(self, what: str) -> None:
        self.happened[what] = self.happened.get(what, 0) + 1

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if self._refusals > 0:
            self._refusals -= 1
            self._count("refuse")
            return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "go away\n")
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        request = json.loads(await socket.recv())
        self.subscriptions.append(request)
        if self.venue == "binance":
            await socket.send('{"result":null,"id":1}')
        else:
            await socket.send('{"type":"subscriptions","channels":[]}')
        self._socket, self._held, self._stalled_until = socket, [], 0.0
        self._connected_at = time.monotonic()
        await socket.wait_closed()
        if self._socket is socket:
            self._socket = None
            self._refusals = self.faults.refuse

    async def _step(self) -> None:
        made = self._make()
        self.made.append(made)
        await self._release()
        socket, faults, chance = self._socket, self.faults, self.random.random
        if socket is None or time.monotonic() < self._stalled_until:
            return
        if chance() < faults.stall:
            self._count("stall")
            self._stalled_until = time.monotonic() + faults.stall_s
            return
        if made.kind == TRADE and chance() < faults.drop:
            self._count("drop")
        elif chance() < faults.overtake:
            self._count("overtake")
            self._held.append((self.random.randint(1, 5), made))
        else:
            await self._send(made)
        if chance() < faults.repeat and self.made:
            self._count("repeat")
            old = self.random.choice(self.made[-20:])
            if old.key in self.wired:
                await self._put(text(WRITERS[self.venue](old)))
        if chance() < faults.garbage:
            self._count("garbage")
            await self._put(self.random.choice(GARBAGE))
        if chance() < faults.huge:
            self._count("huge")
            await self._put('{"type":"match","x":"' + "x" * 200_000 + '"}')
        if chance() < faults.close:
            self._count("close")
            await self._release(all_=True)
            with contextlib.suppress(ConnectionClosed):
                await socket.close(1001, "going away")
        await self._heartbeats()

    async def _heartbeats(self) -> None:
        if self.venue != "coinbase" or time.monotonic() - self._beat < 0.5:
            return
        self._beat = time.monotonic()
        for symbol in self.symbols:
            await self._put(text(coinbase_heartbeat(symbol, self._trade[symbol], time.time_ns())))

    async def _release(self, all_: bool = False) -> None:
        """Send what was overtaken by as many messages as it should be."""
        ready = [made for left, made in self._held if left <= 0 or all_]
        self._held = [(left - 1, made) for left, made in self._held if left > 0 and not all_]
        for made in ready:
            await self._send(made)

    async def _send(self, made: Made) -> None:
        if await self._put(text(WRITERS[self.venue](made))):
            self.wired.add(made.key)

    async def _put(self, message: str) -> bool:
        if self._socket is None or time.monotonic() < self._stalled_until:
            return False
        try:
            await self._socket.send(message)
        except ConnectionClosed:
            return False
        return True

    def _make(self) -> Made:
        symbol = self.random.choice(self.symbols)
        now = time.time_ns() // 1000 * 1000
        price = round(100 + 10 * self.random.random(), 2)
        if self.random.random() < 0.5:
            self._trade[symbol] += 1
            size, buyer = round(self.random.random() + 0.1, 4), self.random.random() < 0.5
            return Made(TRADE, symbol, self._trade[symbol], now, price, size, buyer=buyer)
        self._quote[symbol] += self.random.randint(1, 40)
        return Made(QUOTE, symbol, self._quote[symbol], now, bid=price, ask=round(price + 0.01, 2))


@contextlib.contextmanager
def in_background(exchange: FakeExchange) -> Iterator[FakeExchange]:
    """Run the exchange in a thread of its own, for ingesters in processes of theirs."""
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    failure: list[BaseException] = []

    def serve_forever() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(exchange.run(stop))
        except BaseException as error:
            failure.append(error)
        finally:
            loop.close()

    thread = threading.Thread(target=serve_forever, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not exchange.port and time.monotonic() < deadline and thread.is_alive():
        time.sleep(0.01)
    try:
        yield exchange
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        assert not failure, failure
