"""What one client is told: the newest of each series, in order, however seldom it reads and the store answers."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from api.live.messages import Update, Wanted, envelope, update
from api.live.outbox import Outbox
from api.live.sockets import text_frame

KEYS = [("1s", symbol) for symbol in ("A", "B", "C")]


class Wire:
    """A connection whose client reads or doesn't."""

    on_room: Callable[[], None] | None = None

    def __init__(self) -> None:
        self.room, self.ended, self.heard = True, "", list[tuple[str, int]]()
        self.messages = 0

    def has_room(self) -> bool:
        return self.room

    def write(self, frame: bytes) -> None:
        assert self.room, "written although the client doesn't read"
        message = json.loads(frame[frame.index(b"{") :])
        data = message["data"] if message["type"] == "predictions" else [message["data"]]
        assert message["sequence"] == max(row["n"] for row in data)
        self.heard += [(row["symbol"], row["n"]) for row in data]
        self.messages += 1

    def fail(self, reason: str) -> None:
        self.ended = reason

    def read(self) -> None:
        self.room = True
        if self.on_room is not None:
            self.on_room()


class Series:
    """A hub with numbers in place of analyses; what isn't ready takes a while, or can't be had at the moment."""

    def __init__(self) -> None:
        self.numbers = dict.fromkeys(KEYS, 0)
        self.is_ready, self.is_away = True, False

    def newest(self, key: tuple[str, str]) -> Any:
        return self.numbers[key]

    def ready(self, key: tuple[str, str], spectral: bool) -> Update | None:
        number = self.numbers[key]
        return _made(key[1], number) if self.is_ready else None

    async def update(self, key: tuple[str, str], spectral: bool) -> Update | None:
        number = self.numbers[key]
        await asyncio.sleep(0.001)
        return None if self.is_away else _made(key[1], number)


def _made(symbol: str, number: int) -> Update:
    return update(symbol, number, json.dumps({"symbol": symbol, "n": number}).encode())


class Client:
    """An outbox between the two."""

    def __init__(self, period: float = 0.001) -> None:
        self.wire, self.series = Wire(), Series()
        self.outbox = Outbox(self.wire, self.series)  # type: ignore[arg-type]
        self.outbox.begin(Wanted(["A", "B", "C"], period), frozenset(KEYS))

    def change(self, number: int, *keys: tuple[str, str]) -> None:
        for key in keys:
            self.series.numbers[key] = number
            self.outbox.tell(key)
        self.outbox.deliver()


def scenario(act: Callable[[], Any]) -> None:
    asyncio.run(asyncio.wait_for(act(), 20))


def test_what_may_be_sent_is_sent_at_once() -> None:
    async def act() -> None:
        client = Client()
        client.change(1, *KEYS)
        assert client.wire.heard == [("A", 1), ("B", 1), ("C", 1)] and client.wire.messages == 1
        client.outbox.close()

    scenario(act)


def test_who_does_not_read_gets_the_newest_of_each_in_one_message() -> None:
    async def act() -> None:
        client = Client()
        client.wire.room = False
        for number in range(1, 1_000):
            client.change(number, KEYS[number % 2])
        await asyncio.sleep(0.01)
        assert not client.wire.heard and len(client.outbox._pending) == 2
        client.wire.read()
        assert client.wire.heard == [("B", 999), ("A", 998)] and client.wire.messages == 1
        client.outbox.close()

    scenario(act)


def test_a_period_has_one_message() -> None:
    async def act() -> None:
        client = Client(period=0.2)
        for number in range(1, 50):
            client.change(number, KEYS[0])
        assert client.wire.heard == [("A", 1)]
        while client.wire.messages < 2:
            await asyncio.sleep(0.01)
        assert client.wire.heard == [("A", 1), ("A", 49)]
        client.outbox.close()

    scenario(act)


def test_a_store_that_is_away_delays_and_loses_nothing() -> None:
    async def act() -> None:
        client = Client()
        client.series.is_ready, client.series.is_away = False, True
        client.change(1, *KEYS[:2])
        await asyncio.sleep(0.02)
        assert not client.wire.heard
        client.change(2, KEYS[0])
        client.series.is_away = False
        while dict(client.wire.heard) != {"A": 2, "B": 1}:
            await asyncio.sleep(0.001)
        client.outbox.close()

    scenario(act)


@pytest.mark.parametrize("seed", range(20))
def test_numbers_of_a_series_rise_and_end_with_the_newest(seed: int) -> None:
    """Whatever comes between: a client that pauses, a store that is slow or away, a new subscription."""

    async def act() -> None:
        chance, client = random.Random(seed), Client()
        for number in range(1, 200):
            client.series.is_ready, client.series.is_away = chance.random() < 0.7, chance.random() < 0.2
            client.change(number, *chance.sample(KEYS, chance.randint(1, 3)))
            if chance.random() < 0.3:
                client.wire.room = False
            elif not client.wire.room:
                client.wire.read()
            await asyncio.sleep(chance.choice((0, 0, 0.002)))
        client.series.is_away = False
        client.wire.read()
        newest = {symbol: number for (_, symbol), number in client.series.numbers.items()}
        while dict(client.wire.heard) != newest:
            await asyncio.sleep(0.001)
        for symbol in newest:
            numbers = [n for name, n in client.wire.heard if name == symbol]
            assert numbers == sorted(set(numbers)), "in order, and none twice"
        assert not client.wire.ended
        client.outbox.close()
        assert client.wire.on_room is None

    scenario(act)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 70_000])
def test_a_frame_is_what_the_library_makes(size: int) -> None:
    payload = random.Random(size).randbytes(size)
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_an_update_is_the_message_with_its_data() -> None:
    symbol, data = 'Ä"\\/ 1', b'{"symbol":null,"n":1.5}'
    made = update(symbol, 7, data)
    assert made.alone == text_frame(envelope("prediction", {"symbol": None, "n": 1.5}, 7, symbol)) and made.data == data


def test_a_fault_of_the_service_ends_the_connection_and_no_other() -> None:
    async def act() -> None:
        client = Client()
        client.series.ready = lambda key, spectral: 1 / 0  # type: ignore[assignment,method-assign,return-value]
        client.change(1, KEYS[0])
        assert client.wire.ended == "service failed"
        client.outbox.close()

    scenario(act)
