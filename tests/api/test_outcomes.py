"""The newest prediction's path, past predictions beside what happened, and how the dataflow does."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from fastapi import FastAPI

from api.answers.health import Flow
from api.answers.predictions import OutcomeList, PredictedPath
from api.dataflow import Dataflow
from dataflows.sinks.station import Sinks
from dataflows.sinks.stores import OpenedStore
from schema.outcomes import NONE, OUTCOME, Basis, Outcomes
from tests.api.conftest import Get
from tests.api.history import PATH, fill
from tests.api.test_dataflow import dataflow_saying
from tests.sinks.batches import START, full_batch

both_stores = pytest.mark.parametrize("kind", ["sqlite", "questdb"], indirect=True)


def outcomes(version: str, numbers: list[int], realised: list[float]) -> Outcomes:
    """Outcomes of AAPL's predictions of some bars of `full_batch`."""
    rows = np.zeros(len(numbers), OUTCOME)
    rows["sequence"], rows["time"] = numbers, [START + number * 10**9 for number in numbers]
    rows["known_at"], rows["realised"], rows["expected"] = rows["time"] + 10**9, realised, 5e-4
    rows["label"], rows["basis"], rows["brier"], rows["log_loss"] = NONE, Basis.MID, 0.5, 1.0
    return Outcomes(1, version, 1, rows)


@pytest.fixture
def scored(station: Sinks, writer: OpenedStore) -> Iterator[None]:
    """Of five served predictions four have passed; a challenger's have as well."""
    batch = full_batch(6)
    batch.outcomes = [outcomes("m1", [1, 2, 3, 4], [0.01, -0.02, 0.0, math.nan]), outcomes("other", [1], [0.5])]
    station.step(batch)
    writer.flush()
    yield


@both_stores
@pytest.mark.usefixtures("scored")
def test_outcomes_are_those_of_served_predictions_newest_first(get: Get) -> None:
    answer = get("/api/v1/outcomes/AAPL", timeframe="1m").json()
    OutcomeList.model_validate(answer)
    rows = answer["outcomes"]
    assert [row["hit"] for row in rows] == [None, None, False, True]
    undefined, *realised = [row["realised_return"] for row in rows]
    assert undefined is None
    assert realised == pytest.approx([0.0, 100 * math.expm1(-0.02), 100 * math.expm1(0.01)], rel=1e-6)
    assert {row["model_version"] for row in rows} == {"m1"}
    assert rows[-1]["timestamp"] < rows[-1]["known_at"] and rows[-1]["expected_return"] == pytest.approx(0.0500125)
    (newest,) = get("/api/v1/outcomes/AAPL", timeframe="1m", limit=1).json()["outcomes"]
    assert newest == rows[0]


@pytest.mark.usefixtures("station")
def test_a_symbol_without_outcomes_is_a_404(get: Get) -> None:
    answer = get("/api/v1/outcomes/AAPL")
    assert answer.status_code == 404 and "no outcomes" in answer.json()["detail"]


def test_a_path_has_each_stored_horizon_with_its_band(get: Get, writer: OpenedStore) -> None:
    history = fill(writer)
    answer = get("/api/v1/path/AAPL", timeframe="1h").json()
    PredictedPath.model_validate(answer)
    close = history.close[-1]
    assert [step["prediction_horizon"] for step in answer["steps"]] == [1, 2, 3]
    for step, (expected, sigma, down, up) in list(zip(answer["steps"], PATH.tolist()))[1:]:  # 1 is the row's own
        assert step["predicted_price"] == pytest.approx(close * math.exp(expected))
        assert (step["low"], step["high"]) == pytest.approx(
            (close * math.exp(expected - sigma), close * math.exp(expected + sigma))
        )
        assert (step["probabilities"]["down"], step["probabilities"]["up"]) == (down, up)


@both_stores
@pytest.mark.usefixtures("station")
def test_without_a_path_there_is_the_models_own_horizon_and_what_is_undefined_is_null(get: Get) -> None:
    (step,) = get("/api/v1/path/IBM").json()["steps"]
    assert step["prediction_horizon"] == 1
    assert [step[name] for name in ("predicted_price", "low", "high")] == [None] * 3
    assert get("/api/v1/path/NONE").status_code == 404


@both_stores
@pytest.mark.usefixtures("station")
def test_lags_are_null_where_the_dataflow_does_not_answer(app: FastAPI, get: Get) -> None:
    stored = get("/api/v1/flow").json()
    Flow.model_validate(stored)
    assert (stored["process"], stored["gauges"]) == (None, None)
    assert {"inference", "bar's end -> enqueued"} <= {span["name"] for span in stored["stored"]}
    assert stored["run"]["state"] in ("running", "silent", "ended")
    with dataflow_saying(store=0, bus=0, source=0) as url:
        app.state.dataflow = Dataflow(url)
        told = get("/api/v1/flow").json()
    Flow.model_validate(told)
    assert (told["process"], told["gauges"]) == ([], {})
