"""A job as clients read it: over HTTP, on the WebSocket, in the typed client."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from api.answers import Answer, Time
from models.jobs.record import Job
from schema.times import iso

JobStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class JobResources(Answer):
    """What the newest attempt's process has used."""

    max_rss_mb: float | None
    cpu_seconds: float | None


class JobAnswer(Answer):
    """One run of training, or a batch of them."""

    job_id: str
    kind: Literal["train", "incremental", "batch"]
    status: JobStatus
    progress: float = Field(ge=0, le=1)
    detail: str = Field(description="What is being done.")
    current_epoch: int | None
    total_epochs: int | None = Field(description="At most: a fit may stop early.")
    current_loss: float | None = Field(description="Of the fit slice.")
    validation_loss: float | None = Field(description="Of the stop slice.")
    fold: int | None
    folds: int | None
    eta_seconds: float | None
    attempts: int
    error: str | None
    model_version: str | None = Field(description="What came of it; POST /api/ai/models/{version}/activate uses it.")
    cancelling: bool
    priority: int
    created: Time
    started: Time | None = Field(description="Of the newest attempt.")
    ended: Time | None
    not_before: Time | None = Field(description="When a failed attempt is tried again.")
    parent_id: str | None
    job_ids: list[str] = Field(description="The runs of a batch.")
    timeframe: str | None
    model: str | None
    symbols: list[str]
    prediction_horizon: int | None
    resources: JobResources


class JobList(Answer):
    """The one submitted last first."""

    jobs: list[JobAnswer]


class WorkerAnswer(Answer):
    """A worker that was heard of of late."""

    name: str
    running: int
    last_seen: Time


class JobsHealth(Answer):
    """How training is doing."""

    is_healthy: bool = Field(description="Jobs can be read, and a worker is there where one waits.")
    active_jobs: int | None
    queued_jobs: int | None
    failed_jobs: int | None = Field(description="Among the last thousand that ended.")
    workers: list[WorkerAnswer]
    system_resources: dict[str, float]
    last_health_check: Time
    detail: str


def job_answer(job: Job) -> dict[str, Any]:
    """Return what `JobAnswer` describes."""
    task, progress = job.task, job.progress
    waits = job.status == "queued" and job.not_before > 0
    return {
        "job_id": job.id, "kind": job.kind, "status": job.status, "progress": progress.share, "detail": progress.text,
        "current_epoch": progress.current_epoch, "total_epochs": progress.total_epochs,
        "current_loss": progress.current_loss, "validation_loss": progress.validation_loss,
        "fold": progress.fold, "folds": progress.folds,
        "eta_seconds": progress.eta_seconds if job.status == "running" else None,
        "attempts": job.attempts, "error": job.error or None, "model_version": job.version or None,
        "cancelling": job.cancelling and job.is_open, "priority": job.priority,
        "created": _time(job.created), "started": _time(job.started), "ended": _time(job.ended),
        "not_before": _time(job.not_before) if waits else None,
        "parent_id": job.parent or None, "job_ids": list(job.children),
        "timeframe": task.timeframe if task else None, "model": (task.model or None) if task else None,
        "symbols": list(task.symbols) if task else [], "prediction_horizon": task.horizon if task else None,
        "resources": {"max_rss_mb": progress.max_rss_mb, "cpu_seconds": progress.cpu_seconds},
    }  # fmt: skip


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else iso(int(seconds * 1e9))
