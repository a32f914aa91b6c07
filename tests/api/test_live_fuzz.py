"""Whatever a client sends on the WebSocket, and however slowly it reads: no hang, no 5xx, a stated end, no leak."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket as sockets
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from api.app import create_app
from api.live import connection
from api.live import sockets as serving_sockets
from api.main import open_reader
from dataflows.sinks.sqlite import SqliteStore
from tests.api.history import fill
from tests.api.test_live import serving
from tests.sinks.batches import FEATURES

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
WANTED = st.fixed_dictionaries(
    {},
    optional={
        "symbols": JSON | st.lists(st.sampled_from(["AAPL", "MSFT", "*", "", "x" * 65, "nobody"]), max_size=5),
        "update_frequency": JSON | st.floats(-1, 5),
        "include_spectral": JSON,
        "since": JSON | st.integers(-(2**70), 2**70),
        "timeframe": JSON | st.sampled_from(["1h", "1m", "60m", "tick:0"]),
        "more": JSON,
    },
)
DEEP = st.integers(1, 20_000).map(lambda n: '{"symbols":' + "[" * n)
MESSAGES = st.one_of(
    st.one_of(JSON, WANTED).map(lambda value: json.dumps(value)), DEEP, st.text(max_size=200), st.binary(max_size=200),
    st.integers(0, 200_000).map(lambda n: " " * n),
)  # fmt: skip


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    path = tmp_path_factory.mktemp("sockets") / "store.db"
    store = SqliteStore(path, feature_names=FEATURES)
    fill(store)
    reader = open_reader(f"sqlite:///{path}")
    yield create_app(reader)
    reader.store.close()
    store.close()


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[str]:
    with serving(app) as address:
        until = time.monotonic() + 30
        while not app.state.hub.timeframes() and time.monotonic() < until:
            time.sleep(0.01)
        yield address


def kept(app: FastAPI) -> bool:
    """Return whether the service still holds a connection or a listener, after it had time to let go."""
    until = time.monotonic() + 10
    while (app.state.metrics.open or app.state.hub._listeners) and time.monotonic() < until:
        time.sleep(0.01)
    return bool(app.state.metrics.open or app.state.hub._listeners)


async def hear(client: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(20):
        said: dict[str, Any] = json.loads(await client.recv(), parse_constant=lambda text: pytest.fail(text))
    assert set(said) == {"type", "symbol", "sequence", "data"}
    return said


@given(st.lists(MESSAGES, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_each_message_gets_an_answer_and_the_connection_stays(address: str, messages: list[str | bytes]) -> None:
    async def scenario() -> None:
        async with connect(f"ws://{address}/ws/realtime") as client:
            for message in messages:
                await client.send(message)
                while (await hear(client))["type"] not in ("subscribed", "error"):
                    pass
            await client.send('{"symbols": ["AAPL"], "timeframe": "1h"}')
            while (said := await hear(client))["type"] != "subscribed" or "AAPL" not in said["data"]["symbols"]:
                assert said["type"] != "error", said

    asyncio.run(scenario())


def frame(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(Opcode.TEXT, b"\xff\xfe{"), 1007), (frame(Opcode.TEXT, b"x" * (1 << 18)) + frame(Opcode.TEXT, b"x"), 0),
        (frame(Opcode.TEXT, b"x" * ((1 << 18) + 1)), 1009), (b"\xf1\x80\x00\x00\x00\x00", 1002),
        (frame(Opcode.CONT, b"x"), 1002), (b"\x81\x05hello", 1002), (b"\x89\xfe\x00\x80" + bytes(132), 1002),
        (frame(Opcode.CLOSE, struct.pack("!H", 1000)), 1000), (frame(Opcode.CLOSE, b"\x00"), 1002),
    ],
    ids=["not UTF-8", "largest", "too large", "reserved bits", "no beginning", "not masked", "long ping", "close",
         "bad close"],
)  # fmt: skip
def test_frames_that_break_the_protocol_end_it_with_a_code(app: FastAPI, address: str, sent: bytes, code: int) -> None:
    async def scenario() -> int:
        async with connect(f"ws://{address}/ws/realtime") as client:
            client.transport.write(sent)
            try:
                assert (await hear(client))["type"] == "error"
            except ConnectionClosed as closed:
                assert closed.rcvd is not None
                return closed.rcvd.code
        return 0

    assert asyncio.run(scenario()) == code
    assert not kept(app)


@given(st.binary(max_size=400), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_noise_ends_with_a_code_or_waits_for_more(app: FastAPI, address: str, noise: bytes, seed: int) -> None:
    """Bytes that are no frames, in pieces; then the client goes without a word."""

    async def scenario() -> None:
        async with connect(f"ws://{address}/ws/realtime", close_timeout=0.1) as client:
            cut = random.Random(seed).randint(0, len(noise))
            client.transport.write(noise[:cut])
            await asyncio.sleep(0)
            client.transport.write(noise[cut:])
            with pytest.raises((TimeoutError, ConnectionClosed)):
                async with asyncio.timeout(0.02):
                    while True:
                        await client.recv()
            if client.close_code is not None:
                assert (
                    client.close_code in (1000, 1001, 1002, 1005, 1006, 1007, 1009) or 3000 <= client.close_code < 5000
                )
            client.transport.abort()

    asyncio.run(scenario())
    assert not kept(app)


def test_too_many_messages_are_told_so(app: FastAPI, address: str) -> None:
    async def scenario() -> ConnectionClosed:
        async with connect(f"ws://{address}/ws/realtime") as client:
            with pytest.raises(ConnectionClosed) as ended:
                for _ in range(2_000):
                    await client.send("{}")
                while True:
                    await hear(client)
            return ended.value

    ended = asyncio.run(scenario())
    assert ended.rcvd is not None and (ended.rcvd.code, ended.rcvd.reason) == (1008, "too many messages")
    assert not kept(app)


def test_who_reads_nothing_is_given_up_and_keeps_nobody_waiting(
    app: FastAPI, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that asks for everything again and again and never reads: its connection ends, others hear on."""
    monkeypatch.setattr(serving_sockets, "STUCK_S", 0.5)
    monkeypatch.setattr(connection, "MESSAGES", 1_000_000)
    host, port = address.split(":")
    with sockets.create_connection((host, int(port))) as slow:
        slow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        slow.sendall(
            f"GET /ws/realtime HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n".encode()
        )
        assert slow.recv(12) == b"HTTP/1.1 101"
        greedy = frame(Opcode.TEXT, json.dumps({"symbols": [f"{k:064d}" for k in range(3_000)]}).encode())
        slow.settimeout(20)
        with pytest.raises(OSError):
            for _ in range(1_000):
                slow.sendall(greedy)
                time.sleep(0.005)
    assert not kept(app)
    assert 'undertone_api_websocket_closes_total{reason="slow"} 1.0' in _metrics(app)


def test_a_client_that_vanished_is_let_go(app: FastAPI, address: str) -> None:
    """Half a handshake, half a frame, a reset: none of them stays."""
    host, port = address.split(":")
    for part in (b"GET /ws/realtime HTTP/1.1\r\nHost: x\r\n", os.urandom(64)):
        with sockets.create_connection((host, int(port))) as gone:
            gone.sendall(part)
            gone.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))

    async def scenario() -> None:
        client = await connect(f"ws://{address}/ws/realtime")
        await client.send('{"symbols": ["*"]}')
        client.transport.write(frame(Opcode.TEXT, b"x" * 500)[:100])
        client.transport.abort()

    asyncio.run(scenario())
    assert not kept(app)


def _metrics(app: FastAPI) -> str:
    from prometheus_client import generate_latest

    return generate_latest(app.state.metrics.registry).decode()
