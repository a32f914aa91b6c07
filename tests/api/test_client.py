"""The client against the service it comes with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from api.access import Access, Limits, Tokens
from api.app import create_app
from api.client import Client, Refused, follow
from api.main import open_reader
from dataflows.sinks.sqlite import SqliteStore
from dataflows.sinks.station import Sinks
from tests.api.history import fill
from tests.api.test_live import serving
from tests.sinks.batches import SYMBOLS, full_batch


@pytest.fixture
def address(app: FastAPI, writer: SqliteStore) -> Iterator[str]:
    fill(writer)
    with serving(app) as address:
        yield f"http://{address}"


def test_every_call_returns_a_typed_answer(address: str) -> None:
    with Client(address) as client:
        assert client.analyze("AAPL", timeframe="1h").direction == "bullish"
        assert [result.error is None for result in client.analyze_all(["AAPL", "??"], timeframe="1h")] == [True, False]
        assert client.signal("MSFT").signal == "SELL"
        assert {prediction.symbol for prediction in client.latest()} == {"AAPL", "MSFT", "NEW"}
        assert len(list(client.history("AAPL", page=2))) == 3
        assert len(client.bars("AAPL", "1h", 7)) == 7
        assert client.spectrum("AAPL", 64).returns == 64
        assert client.health().database_connected
        assert {series.symbol for series in client.symbols()} == {"AAPL", "MSFT", "NEW"}


def test_a_problem_is_an_error_that_says_what_the_service_said(address: str) -> None:
    with Client(address) as client, pytest.raises(Refused, match=r"404 Not Found: .*'1h'") as caught:
        client.analyze("AAPL", timeframe="5m")
    assert caught.value.status == 404


def test_a_token_is_sent_and_a_wait_is_told(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    app = create_app(open_reader(f"sqlite:///{tmp_path}/none.db"), access=Access(tokens, Limits(100, 1)))
    with serving(app) as address, Client(f"http://{address}", tokens.create("ann", "read")) as client:
        client.health()
        with pytest.raises(Refused) as caught:
            client.health()
        assert caught.value.status == 429 and caught.value.retry_after is not None
        with Client(f"http://{address}") as stranger, pytest.raises(Refused, match="401"):
            stranger.health()


def test_following_outlives_the_service_and_repeats_nothing(place: tuple[str, str], station: Sinks) -> None:
    """The service goes and comes back on the same port; between, one more batch was written."""
    seen = list[tuple[str, int | None]]()

    async def hear(url: str, n: int) -> None:
        async for analysis in follow(url, ["*"], update_frequency=0.1, timeframe="1m"):
            seen.append((analysis.symbol, analysis.sequence))
            if len(seen) == 3:
                holding.set()
            if len(seen) == n:
                return

    async def scenario() -> None:
        with serving(create_app(open_reader(*place))) as address:
            port = int(address.rsplit(":", 1)[1])
            listening = asyncio.create_task(hear(f"http://{address}", 6))
            await asyncio.wait_for(holding.wait(), 30)
        station.step(full_batch(6))
        with serving(create_app(open_reader(*place)), port):
            await asyncio.wait_for(listening, 30)

    holding = asyncio.Event()
    asyncio.run(scenario())
    assert [symbol for symbol, _ in seen] == sorted(SYMBOLS) * 2
    assert len(set(seen)) == 6
