"""`/health` while what the dataflow reports doesn't reach the store: it is asked itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fastapi import FastAPI

from api.dataflow import STATES, Dataflow
from dataflows.sinks.state import NAMES
from dataflows.sinks.station import Sinks
from tests.api.conftest import NOW, Get


@contextmanager
def dataflow_saying(store: int, bus: int, source: int) -> Iterator[str]:
    """A dataflow's metrics, as its process serves them."""

    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            lines = ("# HELP x", f"undertone_store_state {store}.0", f"undertone_bus_state {bus}.0")
            self.wfile.write("\n".join((*lines, f"undertone_source_away {source}.0", "")).encode())

        def log_message(self, *arguments: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Metrics) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()


def test_health_asks_a_dataflow_whose_reports_do_not_arrive(
    app: FastAPI, get: Get, station: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.routes.health.now", lambda: NOW + 60 * 10**9)
    silent = get("/health").json()["dependencies"]
    assert (silent["dataflow"]["state"], silent["dataflow_store"]["state"]) == ("silent", "up")
    with dataflow_saying(store=1, bus=0, source=0) as url:
        app.state.dataflow = Dataflow(url)
        answer = get("/health").json()
    told = answer["dependencies"]
    assert (answer["status"], told["dataflow_store"]["state"], told["dataflow_bus"]["state"]) == (
        "degraded", "spooling", "up"
    )  # fmt: skip
    assert told["dataflow"]["state"] == "running" and "without its store" in told["dataflow"]["detail"]
    with dataflow_saying(store=0, bus=3, source=1) as url:
        app.state.dataflow = Dataflow(url)
        told = get("/health").json()["dependencies"]
    assert [told[f"dataflow_{name}"]["state"] for name in ("source", "store", "bus")] == ["away", "up", "away"]
    app.state.dataflow = Dataflow(url)  # it has ended
    assert get("/health").json()["dependencies"]["dataflow"]["state"] == "silent"


def test_states_of_the_dataflow_have_the_same_names() -> None:
    assert STATES == NAMES
