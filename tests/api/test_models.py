"""The registry and live scores over HTTP, on every store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from fastapi import FastAPI

from api.access import Access, Limits, Tokens
from api.app import create_app
from api.main import open_reader
from dataflows.sinks.station import Sinks
from dataflows.sinks.stores import OpenedStore
from models.metadata import FORMAT, DataRange, Member, Metadata
from models.registry.register import Versions
from schema.outcomes import NONE, OUTCOME, Outcomes, Score
from tests.api.conftest import Get
from tests.sinks.batches import START, full_batch

STORES = [pytest.param("sqlite"), pytest.param("questdb")]


def publish(versions: Versions, name: str) -> str:
    def write(folder: Path, version: str) -> None:
        member = Member("net", 1.0, (), {}, 1.0, (1.0, 0.0, 0.0))
        data = DataRange(0, 1, 1, 1, {}, 0.0)
        metadata = Metadata(
            FORMAT,
            version,
            "2024-01-01T00:00:00Z",
            "1m",
            5,
            5,
            "sigma",
            1e-4,
            (),
            {"gru": member},
            data,
            {},
            {},
            "",
            {},
        )
        (folder / "metadata.json").write_bytes(msgspec.json.encode(metadata))

    return versions.publish(name, write)


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(tmp_path / "models")


@pytest.fixture
def app(place: tuple[str, str], versions: Versions) -> Iterator[FastAPI]:
    reader = open_reader(*place)
    yield create_app(reader, versions=versions)
    reader.store.close()


def score_some(station: Sinks, writer: OpenedStore, version: str) -> None:
    """Four outcomes of AAPL: one right, one wrong, one without a move, one without a label."""
    batch = full_batch(6)
    rows = np.zeros(4, OUTCOME)
    rows["time"], rows["sequence"] = START + np.arange(4), np.arange(4)
    rows["known_at"], rows["label"], rows["basis"] = START + 9, [2, 0, 1, NONE], [0, 0, 0, 3]
    rows["realised"], rows["expected"] = [0.5, -0.5, 0.0, np.nan], [0.1, 0.1, 0.1, 0.1]
    rows["brier"], rows["log_loss"] = [0.25, 0.75, 0.5, np.nan], [1.0, 2.0, 3.0, np.nan]
    batch.outcomes = [Outcomes(1, version, 5, rows)]
    batch.scores = [
        Score(START + k, 1, version, 5, True, START, 4, 3, 2, 0.5, None, None, 0.5, 2.0, 0.1, 1.0 + k, 40.0)
        for k in (0, 1)
    ]
    station.step(batch)
    writer.flush()


@pytest.mark.parametrize("kind", STORES, indirect=True)
def test_versions_come_with_their_part_and_newest_score(
    get: Get, versions: Versions, station: Sinks, writer: OpenedStore
) -> None:
    first, second, third = (publish(versions, name) for name in ("a", "b", "c"))
    score_some(station, writer, second)
    assert get(f"/api/ai/models/{first}/activate", "POST").json() == {
        "version": first, "timeframe": "1m", "role": "champion", "number": 1,
    }  # fmt: skip
    assert get(f"/api/ai/models/{second}/challenge", "POST").json()["role"] == "challenger"
    assert versions.standing().active["1m"].version == first
    shown = {row["version"]: row for row in get("/api/ai/models").json()["models"]}
    assert {version: row["role"] for version, row in shown.items()} == {
        first: "champion", second: "challenger", third: None,
    }  # fmt: skip
    score = shown[second]["score"]
    assert (score["accuracy"], score["accuracy_low"], score["e_value"], score["role"]) == (0.5, None, 2.0, "challenger")
    assert shown[first]["score"] is None


@pytest.mark.parametrize("kind", STORES, indirect=True)
def test_predictions_of_a_symbol_are_evaluated(get: Get, station: Sinks, writer: OpenedStore) -> None:
    score_some(station, writer, "v")
    answer = get("/api/ai/evaluate/AAPL").json()
    (found,) = answer["evaluations"]
    assert (found["predictions"], found["labelled"], found["directional"], found["accuracy"]) == (4, 3, 2, 0.5)
    assert (found["brier"], found["log_loss"], found["mean_return"]) == pytest.approx((0.5, 2.0, 0.0))
    later = get("/api/ai/evaluate/AAPL", start=found["last"], timeframe="1m").json()
    assert later["evaluations"][0]["accuracy"] is None
    assert get("/api/ai/evaluate/IBM").status_code == 404
    assert get("/api/ai/evaluate/AAPL", timeframe="1h").status_code == 404


def test_what_cannot_be_changed_is_a_problem(get: Get, versions: Versions) -> None:
    only = publish(versions, "a")
    assert get("/api/ai/models/none_20240101_000000/activate", "POST").status_code == 404
    assert get("/api/ai/models/none_20240101_000000/challenge", "POST").status_code == 404
    get(f"/api/ai/models/{only}/activate", "POST")
    answer = get(f"/api/ai/models/{only}/challenge", "POST")
    assert (answer.status_code, "is the active one" in answer.json()["detail"]) == (409, True)
    assert [row["score"] for row in get("/api/ai/models").json()["models"]] == [None], "no store yet"
    (versions.root / "active.json").write_text("{")
    assert get("/api/ai/models").status_code == 503


def test_only_an_admin_may_change_models(place: Any, versions: Versions, tmp_path: Path) -> None:
    from starlette.testclient import TestClient

    tokens, version = Tokens(tmp_path / "tokens.json"), publish(versions, "a")
    reader, admin = tokens.create("ann", "read"), tokens.create("eve", "admin")
    with TestClient(
        create_app(open_reader(*place), versions=versions, access=Access(tokens, Limits(100, 20)))
    ) as client:

        def ask(secret: str, method: str = "POST", path: str = f"/api/ai/models/{version}/activate") -> int:
            return int(client.request(method, path, headers={"Authorization": f"Bearer {secret}"}).status_code)

        assert (ask(reader), ask(reader, "GET", "/api/ai/models"), ask(admin)) == (403, 200, 200)
