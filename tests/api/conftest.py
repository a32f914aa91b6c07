"""A store filled by the sinks, and a client of the service over it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.main import open_reader
from dataflows.sinks.bus import NullBus
from dataflows.sinks.questdb.options import QuestDbOptions
from dataflows.sinks.questdb.store import QuestDbStore
from dataflows.sinks.sqlite import SqliteStore
from dataflows.sinks.station import Sinks
from dataflows.sinks.stores import OpenedStore
from tests.sinks.batches import FEATURES, SYMBOLS, TIMEFRAMES, full_batch, origin
from tests.sinks.conftest import new_namespace, questdb_url

NOW = 1_700_000_000_000_000_000
Get = Callable[..., httpx.Response]


class Seen(QuestDbStore):
    """A QuestDB store whose flushed rows can be read: the server applies what it took a little later."""

    def flush(self) -> None:
        """Wait until readers see what was appended."""
        super().flush()
        until = time.monotonic() + 60
        while self.state().waiting and time.monotonic() < until:
            time.sleep(0.02)
        list(self.query("SELECT count() AS n FROM bars"))


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    """Which store the service reads: `sqlite`, unless a test is parametrized with another."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def place(kind: str, path: Path, request: pytest.FixtureRequest) -> tuple[str, str]:
    """URL and namespace of the store."""
    if kind == "questdb":
        return questdb_url(request.getfixturevalue("questdb")), new_namespace()
    return f"sqlite:///{path}", "live"


@pytest.fixture
def writer(kind: str, place: tuple[str, str], path: Path) -> Iterator[OpenedStore]:
    """An empty store, open for writing."""
    if kind == "questdb":
        store: OpenedStore = Seen(*place, FEATURES, QuestDbOptions(path.with_name("spool")))
    else:
        store = SqliteStore(path, feature_names=FEATURES)
    yield store
    store.close()


@pytest.fixture
def station(writer: OpenedStore) -> Sinks:
    """The sinks after five batches."""
    columns = [{"name": name, "range": [0.0, None]} for name in FEATURES]
    for name in ("catalogue", "catalogue:" + "f" * 16):
        writer.put_meta(name, msgspec.json.encode({"fingerprint": "f" * 16, "columns": columns}).decode())
    sinks = Sinks(
        writer, NullBus(), symbols=SYMBOLS, timeframes=TIMEFRAMES, origin=origin, fingerprint="f" * 16,
        clock=lambda: NOW,
    )  # fmt: skip
    for number in range(1, 6):
        sinks.step(full_batch(number))
    writer.flush()
    return sinks


@pytest.fixture
def app(place: tuple[str, str]) -> Iterator[FastAPI]:
    reader = open_reader(*place)
    yield create_app(reader, version="0.1.0")
    reader.store.close()


@pytest.fixture
def get(app: FastAPI) -> Get:
    """Ask the service without a socket."""

    def ask(url: str, method: str = "GET", *, json: Any = None, content: bytes | None = None,
            headers: dict[str, str] | None = None, **parameters: Any) -> httpx.Response:  # fmt: skip
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                return await client.request(
                    method, url, params=parameters or None, json=json, content=content, headers=headers
                )

        return asyncio.run(send())

    return ask
