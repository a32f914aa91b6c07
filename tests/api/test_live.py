"""The WebSocket over a real server: snapshot, updates, resume, conflation, limits."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from api.access import Access, Limits, Tokens
from api.answers.analysis import Analysis
from api.app import create_app
from api.live.feed import RedisFeed
from api.main import make_server, open_reader
from dataflows.sinks.redis_bus import RedisBus
from dataflows.sinks.station import Sinks
from dataflows.sinks.stores import OpenedStore
from schema.channels import prediction_channel, prediction_key
from schema.messages import prediction_message
from tests.api.conftest import Get
from tests.sinks.batches import SYMBOLS, full_batch


@contextmanager
def serving(app: FastAPI, port: int = 0) -> Iterator[str]:
    """Serve in a thread; give the address."""
    server = make_server(app, "127.0.0.1", port)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def address(app: FastAPI, station: Sinks) -> Iterator[str]:
    with serving(app) as address:
        until = time.monotonic() + 30
        while not app.state.hub.timeframes() and time.monotonic() < until:
            time.sleep(0.01)
        yield address


def ask(socket: ClientConnection, **wanted: Any) -> None:
    socket.send(json.dumps(wanted))


def hear(socket: ClientConnection, timeout: float = 20) -> dict[str, Any]:
    heard: dict[str, Any] = json.loads(socket.recv(timeout), parse_constant=lambda text: pytest.fail(text))
    return heard


def test_a_snapshot_comes_first_and_is_what_analyze_says(address: str, get: Get) -> None:
    with connect(f"ws://{address}/ws/realtime") as socket:
        ask(socket, symbols=[*SYMBOLS, "??"], update_frequency=0.1)
        first, snapshot = hear(socket), hear(socket)
    assert first["type"] == "subscribed"
    assert (first["data"]["symbols"], first["data"]["unknown"]) == (SYMBOLS, ["??"])
    assert snapshot["type"] == "predictions" and [data["symbol"] for data in snapshot["data"]] == SYMBOLS
    assert snapshot["sequence"] == max(data["sequence"] for data in snapshot["data"])
    for data in snapshot["data"]:
        Analysis.model_validate(data)
        said = get(
            "/analyze", "POST", json={"symbol": data["symbol"], "timeframe": "1m", "include_rag_context": False}
        ).json()
        changing = ("age_ms", "processing_time_ms")
        assert {k: v for k, v in said.items() if k not in changing} == {
            k: v for k, v in data.items() if k not in changing
        }


def test_updates_follow_and_a_resumed_client_gets_only_what_it_missed(address: str, station: Sinks, get: Get) -> None:
    with connect(f"ws://{address}/ws/realtime") as socket:
        ask(socket, symbols=["AAPL"], update_frequency=0.1, include_spectral=False)
        assert hear(socket)["type"] == "subscribed"
        before = hear(socket)
        station.step(full_batch(6))
        after = hear(socket)
    assert 'predictions_total{timeframe="1m"} 3.0' in get("/metrics").text
    assert (before["type"], after["type"], after["symbol"]) == ("prediction", "prediction", "AAPL")
    assert after["sequence"] > before["sequence"] and after["data"]["timestamp"] > before["data"]["timestamp"]
    assert after["data"]["spectral_analysis"] is None
    with connect(f"ws://{address}/ws/realtime") as socket:
        ask(socket, symbols=["AAPL"], update_frequency=0.1, since=after["sequence"])
        assert hear(socket)["type"] == "subscribed"
        with pytest.raises(TimeoutError):
            hear(socket, 0.5)
        ask(socket, symbols=["AAPL"], update_frequency=0.1, since=before["sequence"])
        assert hear(socket)["type"] == "subscribed"
        assert hear(socket)["sequence"] == after["sequence"]


def test_a_client_that_wants_little_gets_the_newest_of_each(address: str, station: Sinks) -> None:
    with connect(f"ws://{address}/ws/realtime") as socket:
        ask(socket, symbols=["*"], update_frequency=1.5)
        assert hear(socket)["type"] == "subscribed"
        assert len(hear(socket)["data"]) == 3
        for number in range(6, 11):
            station.step(full_batch(number))
            time.sleep(0.15)
        update = hear(socket)
        assert len(update["data"]) == 3
        with pytest.raises(TimeoutError):
            hear(socket, 0.5)
    assert {data["timestamp"][17:19] for data in update["data"]} == {"10"}, "the newest of five, once"


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", '{"symbols": "AAPL"}', '{"symbols": [""]}', '{"symbols": ["A"], "update_frequency": 0}',
     '{"symbols": ["A"], "update_frequency": NaN}', '{"symbols": ["A"], "timeframe": "x"}', "[" * 100_000, b"\xff\xfe",
     '{"symbols": ["A"], "timeframe": "5m"}'],
    ids=repr,
)  # fmt: skip
def test_a_malformed_message_gets_an_error_and_the_connection_stays(address: str, text: str | bytes) -> None:
    with connect(f"ws://{address}/ws/realtime") as socket:
        socket.send(text)
        assert hear(socket)["type"] == "error"
        ask(socket, symbols=["MSFT"])
        assert hear(socket)["type"] == "subscribed"


def test_many_messages_are_refused_then_cut(address: str) -> None:
    with connect(f"ws://{address}/ws/realtime") as socket:
        for _ in range(7):
            ask(socket, symbols=[])
        kinds = [hear(socket)["type"] for _ in range(7)]
        assert kinds == ["subscribed"] * 5 + ["error"] * 2
        with pytest.raises(ConnectionClosed):
            for _ in range(200):
                ask(socket, symbols=[])
                hear(socket)


def test_a_page_from_elsewhere_hears_nothing(address: str) -> None:
    with pytest.raises(InvalidStatus):
        connect(f"ws://{address}/ws/realtime", origin="http://evil.example")  # type: ignore[arg-type]
    with connect(f"ws://{address}/ws/realtime", origin=f"http://{address}"):  # type: ignore[arg-type]
        pass


def test_connections_are_counted(address: str, app: FastAPI, get: Get) -> None:
    with connect(f"ws://{address}/ws/realtime") as socket, connect(f"ws://{address}/ws/realtime"):
        ask(socket, symbols=[])
        hear(socket)
        assert get("/health").json()["websocket_connections"] == 2
    until = time.monotonic() + 10
    while app.state.metrics.open and time.monotonic() < until:
        time.sleep(0.01)
    assert app.state.metrics.open == 0 and not app.state.hub._listeners


def test_where_tokens_are_asked_for_a_browser_shows_one_as_a_subprotocol(
    place: tuple[str, str], station: Sinks, tmp_path: Path
) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    secret = tokens.create("ann", "read")
    app = create_app(open_reader(*place), access=Access(tokens, Limits(100, 20)))
    with serving(app) as address:
        url = f"ws://{address}/ws/realtime"
        with pytest.raises(InvalidStatus):
            connect(url)
        ways: list[Callable[[], ClientConnection]] = [
            lambda: connect(url, subprotocols=["undertone", f"bearer.{secret}"]),  # type: ignore[list-item]
            lambda: connect(url, additional_headers={"authorization": f"Bearer {secret}"}),
        ]
        for way in ways:
            with way() as socket:
                ask(socket, symbols=[])
                assert hear(socket)["type"] == "subscribed"


def test_many_processes_hear_through_redis(
    place: tuple[str, str], writer: OpenedStore, station: Sinks, redis_server: str
) -> None:
    """Two services, each with a feed of its own, hear what is published, before it is in their store."""
    reader = open_reader(*place)
    apps = [create_app(reader, feed=RedisFeed(redis_server, "live", reader)) for _ in range(2)]
    bus = RedisBus(redis_server, "live")
    bus.refill_from(lambda sequence: iter(()), True)
    with (
        serving(apps[0]) as one, serving(apps[1]) as two,
        connect(f"ws://{one}/ws/realtime") as first, connect(f"ws://{two}/ws/realtime") as second,
    ):  # fmt: skip
        for socket in (first, second):
            until = time.monotonic() + 30
            kind = "error"
            while kind == "error" and time.monotonic() < until:  # until its feed has begun
                ask(socket, symbols=["AAPL"], update_frequency=0.1, timeframe="1m")
                kind = hear(socket)["type"]
                time.sleep(0.3)
            assert kind == "subscribed"
            newest = hear(socket)
        row = dict(reader.newest_prediction("AAPL", "1m") or {})
        row |= {"time": row["time"] + 10**9, "sequence": row["sequence"] + 10, "bar_sequence": 9}
        publish(bus, row)
        assert [hear(socket)["sequence"] for socket in (first, second)] == [newest["sequence"] + 10] * 2
    bus.close()
    reader.store.close()


def publish(bus: RedisBus, row: dict[str, Any]) -> None:
    names = (row["timeframe"], row["symbol"])
    body = json.dumps(prediction_message(row)).encode()
    bus.publish(prediction_channel(*names), prediction_key(*names), body, row["sequence"])
