"""A store filled by the sinks, and a client of the service over it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.reader import Reader
from api.store import ReadOnlyStore
from dataflows.sinks.bus import NullBus
from dataflows.sinks.sqlite import SqliteStore
from dataflows.sinks.station import Sinks
from tests.sinks.batches import FEATURES, SYMBOLS, TIMEFRAMES, full_batch, origin

NOW = 1_700_000_000_000_000_000
Get = Callable[..., httpx.Response]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def writer(path: Path) -> Iterator[SqliteStore]:
    """An empty store, open for writing."""
    store = SqliteStore(path, feature_names=FEATURES)
    yield store
    store.close()


@pytest.fixture
def station(writer: SqliteStore) -> Sinks:
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
def app(path: Path) -> FastAPI:
    return create_app(Reader(ReadOnlyStore(f"sqlite:///{path}")), version="0.1.0")


@pytest.fixture
def get(app: FastAPI) -> Get:
    """Ask the service without a socket."""

    def ask(url: str, method: str = "GET", **parameters: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                return await client.request(method, url, params=parameters)

        return asyncio.run(send())

    return ask
