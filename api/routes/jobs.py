"""Training: start it, watch it, cancel it. What comes of a job serves nobody until its version is activated."""

from __future__ import annotations

import time
from typing import Annotated, Any

import psutil
from fastapi import APIRouter, Header, Query, Request
from starlette.exceptions import HTTPException

from api.access.client import client_of, needs
from api.answers.jobs import JobAnswer, JobList, JobsHealth, JobStatus, job_answer
from api.job_requests import RetrainRequest, TrainRequest, as_request, digest
from api.load import cpu_percent
from api.parameters import now, part
from api.problems import FiniteJSON, declared
from api.routes.models import VersionsParameter
from models.jobs.jobs import HasEnded, Jobs, KeyTaken, NoSuchJob
from models.jobs.jobs import Request as Wanted
from models.jobs.records import RecordsAway
from models.jobs.retraining import onward
from models.jobs.workers import workers
from models.metadata import Metadata
from models.registry.register import Versions
from models.registry.standing import RegistryError
from schema.times import iso

router = APIRouter(prefix="/api/ai", tags=["training"])


JobsParameter = Annotated[Jobs, part("jobs", "jobs; set jobs.url and start it again")]
IdempotencyKey = Annotated[
    str | None,
    Header(min_length=1, max_length=200, description="The same request with the same key is the same job."),
]


@router.post("/train", response_model=JobAnswer, status_code=202, responses=declared(400, 409, 503),
             dependencies=[needs("train")])  # fmt: skip
def train(
    request: Request,
    body: TrainRequest,
    jobs: JobsParameter,
    idempotency_key: IdempotencyKey = None,
) -> FiniteJSON:
    """Queue training of each model on each timeframe; one run is a job, several are a batch."""
    unknown = [] if request.app.state.own_architectures else body.unknown_models()
    if unknown:
        raise HTTPException(
            400, f"body.models: {unknown} are no architectures; expected names of `undertone models architectures`, "
            "several joined by +, or ensemble",
        )  # fmt: skip
    return _submitted(request, jobs, as_request(body.tasks(), body, **_keyed(request, idempotency_key, body)))


@router.post("/retrain-incremental", response_model=JobAnswer, status_code=202,
             responses=declared(400, 404, 409, 503), dependencies=[needs("train")])  # fmt: skip
def retrain_incremental(
    request: Request, body: RetrainRequest, jobs: JobsParameter, versions: VersionsParameter,
    idempotency_key: IdempotencyKey = None,
) -> FiniteJSON:  # fmt: skip
    """Queue training of the active versions, or of one that is named, on newer samples and some of the old."""
    sources = _sources(versions, body)
    tasks = tuple(onward(metadata, **body.given(body.symbols)) for metadata in sources)
    wanted = as_request(tasks, body, kind="incremental", **_keyed(request, idempotency_key, body))
    return _submitted(request, jobs, wanted)


def _sources(versions: Versions, body: RetrainRequest) -> list[Metadata]:
    try:
        if body.version:
            return [versions.show(body.version)]
        active = versions.activations()
        missing = [name for name in body.timeframes if name not in active]
        if missing or not active:
            where = ", ".join(missing) or "any timeframe"
            raise HTTPException(409, f"no version is active on {where}; activate one, or name one in `version`")
        return [versions.show(active[name].version) for name in body.timeframes or active]
    except RegistryError as error:
        raise HTTPException(404 if body.version else 503, str(error)) from None


def _keyed(request: Request, key: str | None, body: TrainRequest | RetrainRequest) -> dict[str, str]:
    """Return the request's key, which is the client's own, and what the same key must come with."""
    if key is None:
        return {}
    return {"key": f"{client_of(request.scope)} {key}", "digest": digest(request.url.path, body)}


def _submitted(request: Request, jobs: Jobs, wanted: Wanted) -> FiniteJSON:
    try:
        job = jobs.submit(wanted)
    except KeyTaken as error:
        raise HTTPException(409, f"header Idempotency-Key: {error}") from None
    where = str(request.app.url_path_for("job", job_id=job.id))
    return FiniteJSON(job_answer(jobs.shown(job)), 202, {"Location": where})


@router.get("/jobs", response_model=JobList, responses=declared(400, 503))
def list_jobs(
    jobs: JobsParameter, status: JobStatus | None = None, parent: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> FiniteJSON:  # fmt: skip
    """Return jobs, the one submitted last first."""
    return FiniteJSON({"jobs": [job_answer(job) for job in jobs.newest(limit, status, parent)]})


@router.get("/jobs/{job_id}", response_model=JobAnswer, responses=declared(404, 503))
def job(job_id: str, jobs: JobsParameter) -> FiniteJSON:
    """Return a job; the progress of a batch is the mean of its runs'."""
    try:
        return FiniteJSON(job_answer(jobs.get(job_id)))
    except NoSuchJob as error:
        raise HTTPException(404, str(error)) from None


@router.delete("/jobs/{job_id}", response_model=JobAnswer, responses=declared(404, 409, 503),
               dependencies=[needs("train")])  # fmt: skip
def cancel(job_id: str, jobs: JobsParameter) -> FiniteJSON:
    """Cancel a job, or all of a batch that haven't ended. A running one ends a moment later; 409 where it has ended."""
    try:
        return FiniteJSON(job_answer(jobs.cancel(job_id)))
    except NoSuchJob as error:
        raise HTTPException(404, str(error)) from None
    except HasEnded as error:
        raise HTTPException(409, str(error)) from None


@router.get("/health", response_model=JobsHealth)
def training_health(request: Request) -> dict[str, Any]:
    """Return how training is doing; always 200."""
    jobs: Jobs | None = request.app.state.jobs
    answer: dict[str, Any] = {
        "is_healthy": False, "active_jobs": None, "queued_jobs": None, "failed_jobs": None, "workers": [],
        "detail": "this service was started without jobs (jobs.url)",
        "system_resources": {
            "cpu_percent": cpu_percent(), "memory_percent": psutil.virtual_memory().percent,
            "available_memory_mb": psutil.virtual_memory().available / 2**20,
        },
        "last_health_check": iso(now()),
    }  # fmt: skip
    if jobs is None:
        return answer
    try:
        counts, there = jobs.counts(), workers(jobs.records, time.time())
    except RecordsAway as error:
        return {**answer, "detail": str(error)}
    healthy = bool(there) or not counts["queued"]
    return {
        **answer, "is_healthy": healthy, "active_jobs": counts["running"], "queued_jobs": counts["queued"],
        "failed_jobs": counts["failed"],
        "detail": "" if healthy else "jobs wait and no worker was heard of; start `undertone worker`",
        "workers": [
            {"name": name, "running": seen.running, "last_seen": iso(int(seen.at * 1e9))} for name, seen in there
        ],
    }  # fmt: skip
