"""Explanations over HTTP: asked for, pending, there; nothing is computed by the service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from api.answers.explanations import ExplanationAnswer, Pending
from api.app import create_app
from api.main import open_reader
from api.routes.explain import MOST_WAITING
from models.explain.cache import Asked, ExplanationFolder
from tests.api.conftest import Get

CHECK = {"sum": 1.0, "output": 1.0, "difference": 0.0, "tolerance": 0.1, "adds_up": True}
PARTS = [{"feature": f"f{k}", "value": None, "contribution": 0.3 - 0.1 * k, "sign": "+"} for k in range(3)]


@pytest.fixture
def folder(tmp_path: Path) -> ExplanationFolder:
    return ExplanationFolder(tmp_path / "why", keep=10)


@pytest.fixture
def app(station: Any, place: tuple[str, str], folder: ExplanationFolder) -> Iterator[FastAPI]:
    reader = open_reader(*place)
    yield create_app(reader, explanations=folder)
    reader.store.close()


def kept(asked: Asked) -> dict[str, Any]:
    member = {"kind": "net", "weight": 1.0, "method": "integrated_gradients", "base_value": 0.1, "check": CHECK,
              "probabilities": {"down": 0.2, "sideways": 0.5, "up": 0.3}, "contributions": PARTS, "attention": [],
              "fit": None}  # fmt: skip
    return {"prediction_id": asked.prediction_id, "symbol": "AAPL", "timeframe": "1m", "timestamp": "2023-11-14",
            "prediction_horizon": 5, "model_version": "v", "method": asked.method, "expected_return": 1.0,
            "base_value": 0.1, "contributions": PARTS, "check": CHECK, "members": {"gru": member}, "rows": 9,
            "source": "feature rows of the store", "notes": []}  # fmt: skip


def test_pending_then_there(get: Get, folder: ExplanationFolder) -> None:
    newest = get("/api/ai/explain/AAPL", timeframe="1m")
    assert newest.status_code == 202 and int(newest.headers["Retry-After"]) > 0
    pending = Pending.model_validate(newest.json())
    assert get("/api/ai/explain/AAPL", timeframe="1m").status_code == 202, "asked twice is asked once"
    (asked,) = folder.waiting()
    assert asked == Asked(pending.prediction_id, "auto")
    folder.put(asked, kept(asked))
    location = newest.headers["Location"]
    for answer in (get(location), get("/api/ai/explain/AAPL", timeframe="1m", top=2)):
        assert answer.status_code == 200
        ExplanationAnswer.model_validate(answer.json())
    assert len(answer.json()["contributions"]) == 2
    assert answer.json()["others"] == {"features": 1, "contribution": pytest.approx(0.1)}
    assert get("/api/ai/explain/AAPL?timeframe=1m&method=lime").status_code == 202, "another explanation"


def test_a_failure_is_told(get: Get, folder: ExplanationFolder) -> None:
    get("/api/ai/explain/AAPL", timeframe="1m")
    (asked,) = folder.waiting()
    folder.fail(asked, "explain: the feature rows are gone")
    answer = get("/api/ai/explain/AAPL", timeframe="1m")
    assert (answer.status_code, answer.json()["detail"]) == (404, "explain: the feature rows are gone")


def test_what_is_wrong_is_refused(get: Get, folder: ExplanationFolder) -> None:
    assert get("/api/ai/explain/NOBODY").status_code == 404
    assert get("/api/ai/explain/AAPL?method=guess").status_code == 400
    assert get("/api/ai/explain/AAPL", prediction_id="1m:MSFT:1:0:5:v").status_code == 400
    assert folder.waiting() == []
    for k in range(MOST_WAITING):
        folder.ask(Asked(f"1m:X:{k}:0:5:v", "auto"))
    full = get("/api/ai/explain/AAPL", timeframe="1m")
    assert full.status_code == 503 and "undertone worker" in full.json()["detail"]
