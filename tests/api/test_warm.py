"""What memory answers is what the routes answer from the store, and never older than what is in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.app import create_app
from api.live.feed import RedisFeed, Said
from api.main import open_reader
from api.reader import Reader
from api.store import StoreAway
from dataflows.sinks.sqlite import SqliteStore
from dataflows.sinks.station import Sinks
from schema.messages import prediction_message
from tests.api.history import fill
from tests.sinks.batches import FEATURES, full_batch

Ask = Callable[..., Awaitable[httpx.Response]]


@asynccontextmanager
async def warm(app: FastAPI) -> AsyncIterator[Ask]:
    """Run the hub, and ask the app; a route that is reached although memory could answer fails."""
    running = asyncio.create_task(app.state.hub.run())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:

        async def ask(url: str, method: str = "GET", **request: Any) -> httpx.Response:
            return await client.request(method, url, **request)

        while not app.state.hub._running:
            await asyncio.sleep(0)
        yield ask
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def steady(answer: httpx.Response) -> tuple[int, Any]:
    """Return status and body without what the moment of asking gives."""
    body = answer.json()
    for row in body.get("predictions", [body]):
        age = row.pop("age_ms", 1)
        assert isinstance(age, int | float) and age > 0
        row.pop("processing_time_ms", None)
    body.pop("request_id", None)
    return answer.status_code, body


def from_memory(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no query be asked from here on but the feed's."""

    def fail(*_: Any) -> None:
        raise AssertionError("the store was read")

    for name in ("newest_prediction", "series", "bars", "bars_after", "features_after"):
        monkeypatch.setattr(app.state.reader, name, fail)


@pytest.mark.parametrize(
    "query",
    [{}, {"symbols": "AAPL"}, {"symbols": "IBM, AAPL,", "timeframe": "1m"}, {"timeframe": "60s"}, {"timeframe": "1h"},
     {"symbols": "AAPL,nobody"}, {"symbols": "nobody"}, {"timeframe": "x"}, {"symbols": "A%B", "symbol": "1"},
     {"symbols": ""}],
)  # fmt: skip
def test_latest_from_memory_is_latest_from_the_store(app: FastAPI, station: Sinks, get: Any, query: Any) -> None:
    async def scenario() -> httpx.Response:
        async with warm(app) as ask:
            await ask("/predictions/latest", params=query)
            return await ask("/predictions/latest", params=query)

    said, stored = asyncio.run(scenario()), get("/predictions/latest", **query)
    assert steady(said) == steady(stored) and said.headers["content-type"] == stored.headers["content-type"]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("warm") / "store.db"
    store = SqliteStore(path, feature_names=FEATURES)
    fill(store)
    store.close()
    return f"sqlite:///{path}"


BODIES = st.fixed_dictionaries(
    {"symbol": st.sampled_from(["AAPL", "MSFT", "NEW", "nobody", "", " AAPL "])},
    optional={
        "timeframe": st.sampled_from(["1h", "60m", "1d", "x"]),
        "prediction_horizon": st.sampled_from([1, 2, 3, 4, 31, "2", 1.5]),
        "include_spectral": st.booleans(),
        "include_rag_context": st.booleans(),
        "confidence_threshold": st.sampled_from([0, 0.5, 0.9, 1, 2, None]),
        "extra": st.just(1),
    },
)


@given(st.lists(BODIES, min_size=1, max_size=4))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_analyses_from_memory_are_those_from_the_store(history: str, bodies: list[Any]) -> None:
    async def scenario() -> None:
        cold, app = create_app(open_reader(history)), create_app(open_reader(history))
        transport = httpx.ASGITransport(cold)
        async with warm(app) as ask, httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            for body in [*bodies, *bodies]:
                said = await ask("/analyze", "POST", json=body)
                assert steady(said) == steady(await client.post("/analyze", json=body))

    asyncio.run(scenario())


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 500, b'{"symbol": NaN}', b'{"symbol": "AAPL", "x": "\xff"}'])
def test_a_body_that_is_no_request_is_a_400_all_the_same(history: str, content: bytes) -> None:
    async def scenario() -> int:
        async with warm(create_app(open_reader(history))) as ask:
            headers = {"content-type": "application/json"}
            return (await ask("/analyze", "POST", content=content, headers=headers)).status_code

    assert asyncio.run(scenario()) == 400


def test_a_second_call_reads_no_store(history: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(open_reader(history))

    async def scenario() -> None:
        async with warm(app) as ask:
            body = {"symbol": "AAPL", "timeframe": "1h", "prediction_horizon": 2}
            first = await ask("/analyze", "POST", json=body)
            from_memory(app, monkeypatch)
            again = await ask("/analyze", "POST", json=body)
            assert steady(first) == steady(again) and first.json()["age_ms"] < again.json()["age_ms"]
            assert (await ask("/predictions/latest", params={"symbols": "AAPL"})).status_code == 200

    asyncio.run(scenario())


def test_no_answer_outlives_a_newer_prediction(app: FastAPI, station: Sinks, writer: SqliteStore) -> None:
    """Each call behind a commit tells what it committed, whatever the feed was doing."""

    async def scenario() -> None:
        body = {"symbol": "AAPL", "timeframe": "1m", "include_rag_context": False}
        async with warm(app) as ask:
            for number in range(6, 26):
                station.step(full_batch(number))
                writer.flush()
                latest = (await ask("/predictions/latest", params={"symbols": "AAPL"})).json()["predictions"]
                analysis = (await ask("/analyze", "POST", json=body)).json()
                assert latest[0]["bar_sequence"] == number
                assert analysis["prediction_id"] == latest[0]["prediction_id"]
                await asyncio.sleep(0.003 * (number % 7))

    asyncio.run(scenario())


def test_an_answer_is_made_again_after_its_time(history: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def calls(ttl: float) -> int:
        app = create_app(open_reader(history), cache_ttl=ttl)
        made = 0
        analysis = app.state.analyst.analysis

        def counted(said: Said) -> Any:
            nonlocal made
            made += 1
            return analysis(said)

        monkeypatch.setattr(app.state.analyst, "analysis", counted)
        async with warm(app) as ask:
            for _ in range(3):
                body = {"symbol": "AAPL", "timeframe": "1h", "include_rag_context": False}
                assert (await ask("/analyze", "POST", json=body)).status_code == 200
        return made

    assert asyncio.run(calls(0.0)) == 3 and asyncio.run(calls(300.0)) == 1


def test_a_store_that_was_away_is_asked_again_while_redis_tells(
    place: tuple[str, str], station: Sinks, redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live.feed._QUIET_S", 0.05)
    reader = open_reader(*place)
    answers = [StoreAway("not yet"), StoreAway("not yet")]

    def newest(found: Callable[[], Any] = reader.newest_predictions) -> Any:
        if answers:
            raise answers.pop()
        return found()

    monkeypatch.setattr(reader, "newest_predictions", newest)
    app = create_app(reader, feed=RedisFeed(redis_server, "live", reader))

    async def scenario() -> None:
        async with warm(app):
            async with asyncio.timeout(20):
                while not app.state.hub.current():
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0)
            assert app.state.hub.timeframes() == ["1m"] and not answers

    asyncio.run(scenario())
    reader.store.close()


def test_a_store_that_goes_is_a_503_and_another_in_its_place_is_read_anew(
    app: FastAPI, station: Sinks, writer: SqliteStore, path: Path
) -> None:
    async def until(ask: Ask, status: int) -> httpx.Response:
        for _ in range(300):
            if (answer := await ask("/predictions/latest")).status_code == status:
                return answer
            await asyncio.sleep(0.02)
        raise AssertionError(f"never {status}, last {answer.status_code}")

    async def scenario() -> None:
        async with warm(app) as ask:
            assert len((await until(ask, 200)).json()["predictions"]) == 3
            writer.close()
            for file in path.parent.glob("store.db*"):
                file.unlink()
            await until(ask, 503)
            SqliteStore(path).close()
            assert (await until(ask, 200)).json() == {"predictions": [], "unknown": []}

    asyncio.run(scenario())


class Heard:
    """A feed that knows more than the store, as Redis' channels do for a moment."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.more = reader, asyncio.Event()

    async def __call__(self) -> AsyncIterator[list[Said]]:
        rows = self.reader.newest_predictions()
        yield [prediction_message(row) for row in rows]
        await self.more.wait()
        later = [{**row, "time": row["time"] + 10**9, "sequence": 99, "bar_sequence": 99} for row in rows]
        yield [prediction_message(row) for row in later]
        await asyncio.Event().wait()

    def current(self) -> bool:
        return True

    async def settle(self) -> bool:
        return True


def test_what_the_bus_told_is_answered_before_the_store_has_it(place: tuple[str, str], station: Sinks) -> None:
    reader = open_reader(*place)
    feed = Heard(reader)
    app = create_app(reader, feed=feed)

    async def scenario() -> None:
        async with warm(app) as ask:
            body = {"symbol": "AAPL", "timeframe": "1m", "include_rag_context": False}
            first = (await ask("/analyze", "POST", json=body)).json()
            feed.more.set()
            await asyncio.sleep(0.01)
            second = (await ask("/analyze", "POST", json=body)).json()
            assert first["sequence"] < second["sequence"] == 99

    asyncio.run(scenario())
