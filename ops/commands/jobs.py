"""`undertone jobs` and `undertone train --queue`: training jobs, as the service has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from api.answers.jobs import job_answer
from models.jobs.jobs import Jobs, Request
from models.jobs.leases import Leases
from models.jobs.opening import open_records
from models.jobs.record import STATUSES, Job, Task
from models.jobs.records import Records
from ops.errors import UsageError
from ops.settings import Settings
from ops.tables import print_json, print_table

_TAKEN_ALONG: Final = ("train", "bars", "universe", "features", "order", "models")  # sections: what alters a model
_OWN: Final = frozenset({"bars.timeframes", "train.horizon"})  # fields of a task


def leases_of(settings: Settings, records: Records) -> Leases:
    """Return what workers and their processes take runs from."""
    return Leases(
        records, lease_s=settings.jobs.lease_s, back_off_s=settings.jobs.back_off_s, attempts=settings.jobs.attempts
    )


def open_jobs(settings: Settings) -> Jobs:
    """Return the jobs of these settings."""
    return Jobs(open_records(settings.jobs.url, settings.store.namespace))


def submit(
    settings: Settings, *, json: bool, files: list[Path], models: list[str], name: str, priority: int
) -> int:  # fmt: skip
    """Queue a run a model, with all that was said of it, and print the job."""
    tasks = tuple(
        Task(
            timeframe=settings.bars.timeframes[0], model=model, horizon=settings.train.horizon,
            settings=taken_along(settings), files=tuple(str(path.absolute()) for path in files), name=name,
        )
        for model in models or [""]
    )  # fmt: skip
    jobs = open_jobs(settings)
    job = jobs.submit(Request(tasks=tasks, priority=priority))
    _print(jobs.shown(job), json)
    return 0


def taken_along(settings: Settings) -> dict[str, Any]:
    """Return the settings that somebody gave and that a worker of other settings has to know."""
    given = settings.model_dump(mode="json", by_alias=True, exclude_unset=True, include=set(_TAKEN_ALONG))
    flat = {f"{section}.{key}": value for section, values in given.items() for key, value in values.items()}
    return {key: value for key, value in flat.items() if key not in _OWN}


def list_jobs(settings: Settings, *, json: bool, status: str | None, limit: int) -> int:
    """Print jobs, the one submitted last first."""
    chosen = next((known for known in STATUSES if known == status), None)
    if status and not chosen:
        raise UsageError(f"--status {status}: expected one of {', '.join(STATUSES)}")
    found = open_jobs(settings).newest(limit, chosen)
    if json:
        print_json({"jobs": [job_answer(job) for job in found]})
    elif found:
        print_table(("job", "status", "progress", "timeframe", "model", "attempts", "left", "result"), map(_row, found))
    else:
        print("no jobs; queue one with: undertone train FILE... --queue")
    return 0


def show(settings: Settings, *, json: bool, identity: str) -> int:
    """Print a job."""
    _print(open_jobs(settings).get(identity), json)
    return 0


def cancel(settings: Settings, *, json: bool, identity: str) -> int:
    """Cancel a job and print it."""
    _print(open_jobs(settings).cancel(identity), json)
    return 0


def _row(job: Job) -> list[str]:
    task, left = job.task, job.progress.eta_seconds
    return [
        job.id, job.status, f"{job.progress.share:.0%}", task.timeframe if task else "",
        task.model if task else f"{len(job.children)} runs", str(job.attempts),
        f"{left:.0f} s" if left is not None and job.status == "running" else "",
        job.version or job.error.splitlines()[-1] if job.version or job.error else "",
    ]  # fmt: skip


def _print(job: Job, json: bool) -> None:
    answer = job_answer(job)
    if json:
        print_json(answer)
        return
    for name, value in answer.items():
        if value not in (None, "", [], {}):
            print(f"{name:18} {', '.join(map(str, value)) if isinstance(value, list) else value}")
