"""Each request has an id that answers, problems and logs share; no log holds a token; metrics have their names."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from api.access import Access, Limits, Tokens
from api.app import create_app
from api.main import open_reader
from dataflows.sinks.station import Sinks
from ops import log
from ops.errors import ConfigurationError
from ops.log import logger
from ops.traces import tracer_provider
from tests.api.conftest import Get


def test_an_id_is_the_clients_or_a_new_one(get: Get) -> None:
    assert get("/livez", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
    first, second = (get("/livez").headers["x-request-id"] for _ in range(2))
    assert first != second and len(first) == 16


@pytest.mark.parametrize("sent", ["", "two words", "x" * 65, "a\u00e9", "{}", "ut_12ab34cd_secret"])
def test_an_id_that_is_no_plain_word_is_replaced(get: Get, sent: str) -> None:
    answer = get("/nowhere", headers={"x-request-id": sent.encode("latin-1")})  # type: ignore[dict-item]
    assert answer.headers["x-request-id"] != sent
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_what_is_logged_meanwhile_has_the_id(get: Get, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask() -> None:
        logger("api").warning("asked")

    monkeypatch.setattr(app.state.dataflow, "ask", ask)
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        get("/health", headers={"x-request-id": "mine"})
        logger("api").warning("afterwards")
    said = {line["event"]: line.get("request_id") for line in lines}
    assert said == {"asked": "mine", "answered": "mine", "afterwards": None}


@given(
    words=st.tuples(*[st.text("abc/%-_.\n ", max_size=8)] * 2),
    way=st.sampled_from(["authorization", "x-api-key", "path", "query", "x-request-id", "sec-websocket-protocol"]),
)
@settings(max_examples=20, deadline=None)
def test_no_token_is_in_a_log_however_it_was_sent(tmp_path_factory: Any, words: tuple[str, str], way: str) -> None:
    folder: Path = tmp_path_factory.mktemp("tokens")
    tokens = Tokens(folder / "tokens.json")
    token = tokens.create("ann", "read")
    _, _, secret = token.split("_", 2)  # which may itself have a "_"
    app = create_app(open_reader(f"sqlite:///{folder}/none.db"), access=Access(tokens, Limits(10_000, 10_000)))
    clean = [httpx.QueryParams(word=word).__str__() for word in words]
    url = f"/bars/{clean[0]}{token}/{clean[1]}" if way == "path" else "/bars/A"
    parameters = {"token": token} if way == "query" else {}
    headers = {way: token if way != "authorization" else f"Bearer {token}"} if "-" in way or way[0] == "a" else {}

    async def ask() -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            await client.get(url, params=parameters, headers=headers)

    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        asyncio.run(ask())
    (line,) = (line for line in lines if line["event"] == "answered")
    assert secret not in repr(lines)
    assert {"method", "path", "route", "status", "ms", "client", "request_id"} <= set(line)
    assert "\n" not in line["path"]


def test_requests_are_logged_at_the_settings_level(place: tuple[str, str]) -> None:
    async def ask(app: FastAPI) -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
            await client.get("/livez")

    for level in ("debug", "warning"):
        with structlog.testing.capture_logs() as lines:
            asyncio.run(ask(create_app(open_reader(*place), access_log=level)))
        assert [line["log_level"] for line in lines] == [level]


def test_a_line_below_the_logs_level_is_not_even_built(place: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    built = list[object]()
    monkeypatch.setattr("api.observe.client_of", built.append)

    async def ask() -> None:
        transport = httpx.ASGITransport(create_app(open_reader(*place), access_log="info"))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            await client.get("/livez")

    for level, lines in (("warning", 0), ("info", 1)):
        log.configure(level)
        built.clear()
        asyncio.run(ask())
        assert len(built) == lines, level


def test_requests_are_spans_only_where_asked_for(place: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    export = pytest.importorskip("opentelemetry.sdk.trace.export")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter").InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(memory))

    async def ask(app: FastAPI) -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
            await client.get("/livez")

    asyncio.run(ask(create_app(open_reader(*place))))
    assert not memory.get_finished_spans()
    asyncio.run(ask(create_app(open_reader(*place), tracer=provider)))
    assert memory.get_finished_spans()[-1].name == "GET /livez"
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ConfigurationError, match="pip install opentelemetry-sdk"):
        tracer_provider("http://127.0.0.1:4318", "test")


def test_metrics_have_the_names_of_the_contract(get: Get, station: Sinks) -> None:
    get("/predictions/latest")
    text = get("/metrics").text
    assert 'prediction_duration_seconds_count{route="/predictions/latest"} 1.0' in text
    for name in ("predictions_total", "websocket_connections", "model_accuracy"):
        assert f"# TYPE {name.removesuffix('_total')}" in text, name


def test_what_the_contract_names_no_path_for_is_versioned_too(get: Get, station: Sinks) -> None:
    old, new = get("/board").json(), get("/api/v1/board").json()
    for answer in (old, new):
        answer["run"].pop("age_seconds")
        for row in answer["rows"]:
            row.pop("age_ms")
    assert old == new and old["rows"]
    counted = get("/metrics").text
    for route in ("/board", "/api/v1/board"):
        assert f'undertone_api_requests_total{{method="GET",route="{route}",status="200"}} 1.0' in counted
