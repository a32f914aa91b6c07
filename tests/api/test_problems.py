"""Every error is problem JSON that says what was found and what to do."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from dataflows.sinks.sqlite import SqliteStore
from dataflows.sinks.station import Sinks
from tests.api.conftest import Get
from tests.sinks.batches import full_batch


def assert_problem(answer: Any, status: int, says: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "instance", "request_id"} and body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    assert says in body["detail"] and "Traceback" not in answer.text


@pytest.mark.usefixtures("station")
@pytest.mark.parametrize(
    ("url", "parameters", "status", "says"),
    [
        ("/predictions/latest", {"timeframe": "7x"}, 400, "timeframe '7x' is not understood"),
        ("/predictions/AAPL", {"start": "yesterday"}, 400, "parameter start: time 'yesterday' is not understood"),
        ("/predictions/AAPL", {"limit": 0}, 400, "query.limit: Input should be greater than or equal to 1, found '0'"),
        ("/predictions/AAPL", {"limit": "many"}, 400, "query.limit"),
        ("/predictions/AAPL", {"before": "WzFd"}, 400, "parameter before: 'WzFd' is no page"),
        ("/predictions/AAPL", {"before": "!"}, 400, "is no page"),
        ("/predictions/latest", {"symbols": "X,Y"}, 404, "no predictions of symbol 'X, Y'"),
        ("/predictions/BTC/USD", {}, 404, "no predictions of symbol 'BTC/USD'; /symbols lists what there is"),
        ("/predictions/AAPL", {"timeframe": "1h"}, 404, "in timeframe 1h"),
        ("/bars/XYZ", {}, 404, "no bars of symbol 'XYZ'"),
        ("/features/XYZ", {}, 404, "no feature rows of symbol 'XYZ'"),
        ("/nowhere", {}, 404, "there is nothing at /nowhere"),
    ],
)
def test_a_request_that_cannot_be_answered_is_a_problem(
    get: Get, url: str, parameters: dict[str, Any], status: int, says: str
) -> None:
    answer = get(url, **parameters)
    assert_problem(answer, status, says)
    assert answer.json()["instance"] == url


@pytest.mark.usefixtures("station")
def test_a_method_that_is_not_understood_is_a_problem(get: Get) -> None:
    assert_problem(get("/symbols", method="POST"), 405, "POST is not understood at /symbols")


@pytest.mark.parametrize("url", ["/readyz", "/predictions/latest", "/symbols", "/features", "/bars/A", "/board"])
def test_without_a_store_the_answer_is_503_and_says_what_to_start(get: Get, url: str) -> None:
    answer = get(url)
    assert_problem(answer, 503, "doesn't exist yet; start the dataflow")
    assert answer.headers["retry-after"] == "2"


def test_without_a_store_health_and_metrics_still_answer(get: Get) -> None:
    health = get("/health").json()
    assert (health["status"], health["database_connected"], health["model_loaded"]) == ("unhealthy", False, False)
    assert "undertone_api_store_up 0.0" in get("/metrics").text
    assert get("/livez").status_code == 200


def test_the_store_may_come_go_and_come_back(get: Get, path: Path) -> None:
    assert get("/readyz").status_code == 503
    for _ in range(2):
        SqliteStore(path).close()
        assert get("/readyz").status_code == 200
        for file in path.parent.glob("store.db*"):
            file.unlink()
        assert get("/readyz").status_code == 503


def test_a_store_that_was_replaced_is_read_anew(get: Get, path: Path, station: Sinks, writer: SqliteStore) -> None:
    assert get("/predictions/latest").json()["predictions"]
    writer.close()
    fresh = path.with_name("fresh.db")
    SqliteStore(fresh).close()
    for journal in path.parent.glob("store.db-*"):
        journal.unlink()
    fresh.replace(path)
    assert get("/predictions/latest").json() == {"predictions": [], "unknown": []}


def test_an_empty_store_is_no_error(get: Get, writer: SqliteStore) -> None:
    assert get("/predictions/latest").json() == {"predictions": [], "unknown": []}
    assert get("/board").json()["run"]["state"] == "unknown"
    assert get("/health").json()["status"] == "degraded"
    assert_problem(get("/features"), 404, "no catalogue yet")


def test_a_file_without_our_tables_or_of_another_version_is_503(get: Get, path: Path) -> None:
    sqlite3.connect(path).execute("CREATE TABLE other (x)").connection.close()
    assert_problem(get("/readyz"), 503, "has no tables in namespace 'live' yet")
    SqliteStore(path).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = '9' WHERE name = 'schema_version'")
    connection.commit()
    connection.close()
    assert_problem(get("/readyz"), 503, "has schema version 9")


def test_an_unexpected_error_shows_no_stack_trace(get: Get, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(app.state.reader, "newest_predictions", fail)
    answer = get("/symbols")
    assert_problem(answer, 500, "the service failed to answer")
    assert "secret" not in answer.text


@pytest.mark.usefixtures("station")
def test_readers_never_keep_the_writer_waiting(get: Get, station: Sinks, writer: SqliteStore) -> None:
    impatient = sqlite3.connect(writer.path, timeout=0, isolation_level=None)
    get("/board")
    impatient.execute("BEGIN IMMEDIATE")
    impatient.execute("ROLLBACK")
    impatient.close()
    station.step(full_batch(6))
    writer.flush()


def test_the_document_promises_problems_and_not_422(get: Get) -> None:
    document = get("/openapi.json").json()
    for path, calls in document["paths"].items():
        assert all("422" not in call["responses"] for call in calls.values()), path
    assert "application/problem+json" in document["paths"]["/symbols"]["get"]["responses"]["503"]["content"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_the_service_imports_no_engine(tmp_path: Path) -> None:
    code = (
        "import sys, api.main\n"
        "assert not {'torch', 'numba', 'bytewax', 'dataflows', 'features', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": "."})
