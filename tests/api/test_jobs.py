"""Training over HTTP: what a request becomes, what it is refused for, how jobs are shown."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from websockets.sync.client import connect

from api.access import Access, Limits, Tokens
from api.answers import Answer
from api.answers.jobs import JobAnswer, JobList, JobsHealth
from api.app import create_app
from api.main import open_reader
from models.architectures import architectures
from models.config import NETS
from models.jobs.jobs import Jobs, Request
from models.jobs.leases import Leases
from models.jobs.opening import open_records
from models.jobs.record import Progress, Task
from models.jobs.workers import Seen, say
from models.registry.register import Versions
from tests.api.conftest import Get
from tests.api.test_live import ask, hear, serving
from tests.api.test_models import publish


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    records = open_records(f"sqlite:///{tmp_path}/jobs.db")
    yield Jobs(records)
    records.close()


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(tmp_path / "models")


@pytest.fixture
def app(jobs: Jobs, versions: Versions) -> FastAPI:
    return create_app(open_reader("sqlite:///nowhere.db"), jobs=jobs, versions=versions)


def checked(answer: Any, form: type[Answer]) -> Any:
    """Return the answer's JSON if it is of this form."""
    form.model_validate_json(answer.content)
    return answer.json()


def test_one_run_is_a_job(get: Get, jobs: Jobs) -> None:
    body = {
        "symbols": ["A", "B"], "timeframes": ["1d"], "models": ["gru+lightgbm"], "horizon": 3, "priority": 7,
        "start": "2020-01-01", "end": "2021-01-01T12:00:00Z", "config": {"epochs": 2, "preset": "quick"},
    }  # fmt: skip
    answer = get("/api/ai/train", "POST", json=body)
    made = checked(answer, JobAnswer)
    assert (answer.status_code, answer.headers["location"]) == (202, f"/api/ai/jobs/{made['job_id']}")
    assert (made["status"], made["kind"], made["progress"], made["attempts"]) == ("queued", "train", 0.0, 0)
    job = jobs.get(made["job_id"])
    assert job.task is not None and job.priority == 7
    assert (job.task.symbols, job.task.model, job.task.horizon) == (("A", "B"), "gru+lightgbm", 3)
    assert job.task.settings == {"train.epochs": 2, "train.preset": "quick"}
    assert (job.task.start, job.task.end) == ("2020-01-01T00:00:00.000000000Z", "2021-01-01T12:00:00.000000000Z")


def test_several_runs_are_a_batch(get: Get, jobs: Jobs) -> None:
    body = {"symbols": ["A", "B"], "timeframes": ["1d", "1h"], "models": ["gru", "lstm"], "max_concurrent": 2}
    pooled = checked(get("/api/ai/train", "POST", json=body), JobAnswer)
    assert (pooled["kind"], len(pooled["job_ids"])) == ("batch", 4)
    single = checked(get("/api/ai/train", "POST", json={**body, "per_symbol": True}), JobAnswer)
    runs = [jobs.get(name) for name in single["job_ids"]]
    seen = {(run.task.symbols, run.task.timeframe, run.task.model) for run in runs if run.task}
    assert len(seen) == 8 and (("B",), "1h", "lstm") in seen
    found = checked(get("/api/ai/jobs", parent=single["job_id"]), JobList)["jobs"]
    assert [job["job_id"] for job in found] == [*reversed(single["job_ids"])]
    assert jobs.get(pooled["job_id"]).max_concurrent == 2


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no such model": ({"models": ["gru", "grru"]}, r"body\.models: \['grru'\] are no architectures"),
    "no such timeframe": ({"timeframes": ["1d", "yesterday"]}, r"body\.timeframes: .*'yesterday'"),
    "horizon": ({"horizon": 31}, r"body\.horizon: .*less than or equal to 30, found 31"),
    "time": ({"start": "soon"}, r"body\.start: .*time 'soon' is not understood"),
    "order of time": ({"start": "2021-01-01", "end": "2020-01-01"}, r"body: .*start 2021.* isn't before end 2020"),
    "no such setting": ({"config": {"epocs": 3}}, r"body\.config: .*epocs is no setting of train"),
    "bad setting": ({"config": {"epochs": 0}}, r"body\.config: .*epochs: .*greater than or equal to 1, found 0"),
    "setting with a field": ({"config": {"horizon": 2}}, r"body\.config: .*horizon has a field of its own"),
    "unknown field": ({"symbol": "A"}, r"body\.symbol: Extra inputs"),
    "priority": ({"priority": "high"}, r"body\.priority: .*integer.*found 'high'"),
    "concurrency": ({"max_concurrent": 0}, r"body\.max_concurrent: "),
    "nobody's model": ({"per_symbol": True}, r"body: .*per_symbol needs symbols"),
    "too many": (
        {"per_symbol": True, "symbols": [f"S{k}" for k in range(300)], "timeframes": ["1m", "5m"]},
        r"600 runs, symbols × timeframes × models; expected at most 500",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_trained_is_a_400_that_names_the_field(get: Get, jobs: Jobs, name: str) -> None:
    body, words = REFUSED[name]
    answer = get("/api/ai/train", "POST", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert re.search(words, answer.json()["detail"]), answer.json()["detail"]
    assert jobs.newest(1) == []


def test_names_of_built_in_nets_are_those_that_are_registered() -> None:
    assert sorted(NETS) == sorted(architectures())


def test_own_architectures_are_left_to_the_worker(jobs: Jobs, versions: Versions) -> None:
    app = create_app(open_reader("sqlite:///nowhere.db"), jobs=jobs, own_architectures=True)
    with TestClient(app) as client:
        assert client.post("/api/ai/train", json={"models": ["tide"]}).status_code == 202


def test_an_idempotency_key_makes_a_repeated_request_the_same_job(get: Get, jobs: Jobs) -> None:
    key, body = {"Idempotency-Key": "abc"}, {"models": ["gru"], "symbols": ["A"]}
    first = get("/api/ai/train", "POST", json=body, headers=key)
    again = get("/api/ai/train", "POST", json={**body, "timeframes": ["1d"]}, headers=key)
    assert (again.status_code, again.json()["job_id"]) == (202, first.json()["job_id"])
    other = get("/api/ai/train", "POST", json={"models": ["lstm"]}, headers=key)
    assert (other.status_code, "Idempotency-Key: the key was used for another" in other.json()["detail"]) == (409, True)
    assert len(jobs.newest(10)) == 1
    assert get("/api/ai/train", "POST", json=body).json()["job_id"] != first.json()["job_id"]
    assert get("/api/ai/train", "POST", json=body, headers={"Idempotency-Key": ""}).status_code == 400


def test_retraining_begins_with_the_active_versions(get: Get, jobs: Jobs, versions: Versions) -> None:
    nothing = get("/api/ai/retrain-incremental", "POST", json={})
    assert (nothing.status_code, "no version is active on any timeframe" in nothing.json()["detail"]) == (409, True)
    first, second = publish(versions, "a"), publish(versions, "b")
    versions.activate(first)
    missing = get("/api/ai/retrain-incremental", "POST", json={"timeframes": ["1m", "1h"]})
    assert (missing.status_code, "active on 1h" in missing.json()["detail"]) == (409, True)
    made = checked(get("/api/ai/retrain-incremental", "POST", json={"config": {"epochs": 2}}), JobAnswer)
    assert (made["kind"], made["timeframe"], made["model"], made["prediction_horizon"]) == (
        "incremental",
        "1m",
        "gru",
        5,
    )
    task = jobs.get(made["job_id"]).task
    assert task is not None
    assert task.settings == {"train.replay": 0.3, "train.source": first, "train.epochs": 2}
    named = checked(get("/api/ai/retrain-incremental", "POST", json={"version": second}), JobAnswer)
    task = jobs.get(named["job_id"]).task
    assert task is not None and task.settings["train.source"] == second
    assert get("/api/ai/retrain-incremental", "POST", json={"version": "none"}).status_code == 404


def test_a_job_is_shown_as_it_goes_on(get: Get, jobs: Jobs) -> None:
    made = get("/api/ai/train", "POST", json={"models": ["gru"]}).json()
    leases = Leases(jobs.records)
    leases.take("w")
    progress = Progress(
        share=0.25, text="gru", fold=1, folds=3, current_epoch=2, total_epochs=12, current_loss=float("nan"),
        validation_loss=1.5, eta_seconds=30.0, max_rss_mb=512.0, cpu_seconds=9.0,
    )  # fmt: skip
    leases.renew(made["job_id"], 1, progress)
    seen = checked(get(f"/api/ai/jobs/{made['job_id']}"), JobAnswer)
    assert (seen["status"], seen["progress"], seen["current_epoch"], seen["total_epochs"]) == ("running", 0.25, 2, 12)
    assert (seen["current_loss"], seen["validation_loss"], seen["eta_seconds"]) == (None, 1.5, 30.0)
    assert (seen["attempts"], seen["error"], seen["model_version"], seen["fold"]) == (1, None, None, 1)
    assert seen["resources"] == {"max_rss_mb": 512.0, "cpu_seconds": 9.0}
    leases.succeed(made["job_id"], 1, "gru_1")
    seen = checked(get(f"/api/ai/jobs/{made['job_id']}"), JobAnswer)
    assert (seen["status"], seen["model_version"], seen["progress"]) == ("succeeded", "gru_1", 1.0)
    assert checked(get("/api/ai/jobs", status="failed"), JobList)["jobs"] == []
    assert len(checked(get("/api/ai/jobs", status="succeeded"), JobList)["jobs"]) == 1
    gone = get(f"/api/ai/jobs/{made['job_id']}", "DELETE")
    assert (gone.status_code, "has succeeded; there is nothing to cancel" in gone.json()["detail"]) == (409, True)


def test_a_waiting_job_is_cancelled_at_once(get: Get) -> None:
    made = get("/api/ai/train", "POST", json={}).json()["job_id"]
    for _ in range(2):
        assert checked(get(f"/api/ai/jobs/{made}", "DELETE"), JobAnswer)["status"] == "cancelled"
    assert get("/api/ai/jobs/job_nothing", "DELETE").status_code == 404
    assert get("/api/ai/jobs/job_nothing").status_code == 404


def test_health_says_who_works_and_who_waits(get: Get, jobs: Jobs) -> None:
    empty = checked(get("/api/ai/health"), JobsHealth)
    assert (empty["is_healthy"], empty["active_jobs"], empty["queued_jobs"], empty["failed_jobs"]) == (True, 0, 0, 0)
    get("/api/ai/train", "POST", json={"models": ["gru", "lstm"]})
    waiting = checked(get("/api/ai/health"), JobsHealth)
    assert (waiting["is_healthy"], waiting["queued_jobs"]) == (False, 2)
    assert "start `undertone worker`" in waiting["detail"]
    say(jobs.records, "w1", Seen(time.time(), 1))
    say(jobs.records, "old", Seen(time.time() - 60, 1))
    served = checked(get("/api/ai/health"), JobsHealth)
    assert (served["is_healthy"], [w["name"] for w in served["workers"]]) == (True, ["w1"])


def test_without_jobs_or_with_records_away_it_is_a_503(tmp_path: Path, versions: Versions) -> None:
    away = Jobs(open_records("redis://127.0.0.1:1/0"))
    for jobs in (None, away):
        app = create_app(open_reader("sqlite:///nowhere.db"), jobs=jobs, versions=versions)
        with TestClient(app) as client:
            for method, path in (("POST", "/api/ai/train"), ("GET", "/api/ai/jobs"), ("DELETE", "/api/ai/jobs/j")):
                answer = client.request(method, path, json={} if method == "POST" else None)
                assert (answer.status_code, "jobs.url" in answer.json()["detail"]) == (503, True), path
            health = checked(client.get("/api/ai/health"), JobsHealth)
            assert (health["is_healthy"], health["active_jobs"]) == (False, None)


def test_starting_and_cancelling_needs_the_scope(jobs: Jobs, versions: Versions, tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    reader, trainer = tokens.create("ann", "read"), tokens.create("eve", "train")
    app = create_app(
        open_reader("sqlite:///nowhere.db"), jobs=jobs, versions=versions, access=Access(tokens, Limits(1000, 100))
    )
    with TestClient(app) as client:

        def ask(secret: str, method: str, path: str, **more: Any) -> Any:
            headers = {"Authorization": f"Bearer {secret}", **more.pop("headers", {})}
            return client.request(method, path, headers=headers, **more)

        body: dict[str, Any] = {"json": {"models": ["gru"]}}
        assert ask(reader, "POST", "/api/ai/train", **body).status_code == 403
        assert ask(reader, "POST", "/api/ai/retrain-incremental", json={}).status_code == 403
        made = ask(trainer, "POST", "/api/ai/train", **body, headers={"Idempotency-Key": "k"}).json()["job_id"]
        assert ask(reader, "GET", f"/api/ai/jobs/{made}").status_code == 200
        assert ask(reader, "DELETE", f"/api/ai/jobs/{made}").status_code == 403
        other = ask(tokens.create("bob", "train"), "POST", "/api/ai/train", json={}, headers={"Idempotency-Key": "k"})
        assert (other.status_code, other.json()["job_id"] != made) == (202, True), "keys are each client's own"
        assert ask(trainer, "DELETE", f"/api/ai/jobs/{made}").status_code == 200
        assert client.post("/api/ai/train", json={}).status_code == 401


def test_progress_comes_over_the_websocket(app: FastAPI, jobs: Jobs) -> None:
    waiting = jobs.submit(Request(tasks=(Task(timeframe="1d"), Task(timeframe="1h"))))
    leases = Leases(jobs.records)
    done = leases.take("w")
    assert done is not None
    leases.succeed(done.id, 1, "v")
    with serving(app) as address, connect(f"ws://{address}/ws/realtime") as socket:
        ask(socket, symbols=[], jobs=True, update_frequency=0.1)
        assert hear(socket)["type"] == "subscribed"
        first = [hear(socket), hear(socket)]
        assert {(m["type"], m["symbol"], m["sequence"]) for m in first} == {("job", None, None)}
        left = waiting.children[1]
        assert [m["data"]["job_id"] for m in first] == [waiting.id, left], "not what has ended"
        run = leases.take("w")
        assert run is not None
        seen: dict[str, Any] = {}
        while seen.get(left, {}).get("status") != "running":
            message = hear(socket)
            JobAnswer.model_validate(message["data"])
            seen[message["data"]["job_id"]] = message["data"]
        leases.renew(run.id, 1, Progress(share=0.5, current_epoch=2, total_epochs=4))
        while seen[left]["progress"] < 0.5 or seen[waiting.id]["progress"] < 0.75:
            message = hear(socket)
            seen[message["data"]["job_id"]] = message["data"]
        assert (seen[left]["current_epoch"], seen[waiting.id]["progress"]) == (2, 0.75)
        ask(socket, symbols=[], jobs=False)
        assert "isn't running" in hear(socket)["data"]["detail"]
