"""Jobs as those see them who want something trained: submit, look, cancel."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from models.jobs.family import counted, settle
from models.jobs.record import STATUSES, Job, Progress, Status, Task
from models.jobs.records import Records, Table

KEPT: Final = 1000  # ended jobs
MOST_RUNS: Final = 500  # of one request
_replace = msgspec.structs.replace


class KeyTaken(Exception):
    """A client's key came with another request before."""


class NoSuchJob(Exception):
    """There is no job of this name."""


class HasEnded(Exception):
    """A job can't be cancelled any more."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants trained: one run a task."""

    tasks: tuple[Task, ...]
    kind: Literal["train", "incremental"] = "train"
    priority: int = 0
    max_concurrent: int | None = None
    key: str = ""  # the same request with the same key is the same job
    digest: str = ""  # of what must be the same


class Jobs:
    """All jobs of a store of records; any thread may call. Every call raises RecordsAway where it can't be asked."""

    def __init__(self, records: Records, clock: Callable[[], float] = time.time) -> None:
        """Read and write `records`."""
        self.records, self._clock = records, clock

    def submit(self, request: Request) -> Job:
        """Queue a request and return its job: the run, or the batch of several.

        A key that is known returns the job it made, whatever became of it; raises KeyTaken where that request was
        another one.
        """
        return self.records.change(lambda table: self.submit_in(table, request))

    def submit_in(self, table: Table, request: Request) -> Job:
        """Submit inside a change."""
        known = table.keyed(request.key) if request.key else None
        if known is not None:
            if known.digest != request.digest:
                raise KeyTaken(f"the key was used for another request, which is job {known.id}; use a new one")
            return known
        runs = [
            Job(
                id=f"job_{secrets.token_hex(8)}", kind=request.kind, created=self._clock(), task=task,
                priority=request.priority,
            )
            for task in request.tasks
        ]  # fmt: skip
        head, *_ = runs
        if len(runs) > 1:
            head = Job(
                id=f"jobs_{secrets.token_hex(8)}", kind="batch", created=self._clock(), priority=request.priority,
                children=tuple(run.id for run in runs), max_concurrent=request.max_concurrent, number=table.number(),
            )  # fmt: skip
            runs = [_replace(run, parent=head.id) for run in runs]
        else:
            runs = []
            head = _replace(head, number=table.number())
        head = _replace(head, key=request.key, digest=request.digest)
        table.put(head)
        for run in runs:
            table.put(_replace(run, number=table.number()))
        _forget_old(table)
        return head

    def get(self, identity: str) -> Job:
        """Return a job; a batch with the progress of its runs. Raises NoSuchJob."""
        job = self.records.get(identity)
        if job is None:
            raise NoSuchJob(f"job {identity!r} is unknown; GET /api/ai/jobs or `undertone jobs list` shows those known")
        return self.shown(job)

    def shown(self, job: Job) -> Job:
        """Return a batch with the progress of its runs; a run as it is."""
        if not job.children:
            return job
        runs = [run for run in map(self.records.get, job.children) if run is not None]
        return _replace(job, progress=_together(runs), attempts=max((run.attempts for run in runs), default=0))

    def newest(self, limit: int, status: Status | None = None, parent: str | None = None) -> list[Job]:
        """Return jobs, the one submitted last first, of a status or of a batch where that is said."""
        found = self.records.newest(KEPT + 10 * MOST_RUNS if status or parent else limit)
        wanted = [j for j in found if (status in (None, j.status)) and (parent in (None, j.parent))]
        return [self.shown(job) for job in wanted[:limit]]

    def changed(self, revision: int) -> tuple[int, list[Job]]:
        """Return the newest revision, and the jobs that are other than at an older one, batches of theirs with them."""
        revision, found = self.records.changed(revision)
        named = {job.id: job for job in found}
        parents = [self.records.get(name) for name in dict.fromkeys(job.parent for job in found if job.parent)]
        named |= {parent.id: parent for parent in parents if parent is not None}
        return revision, [self.shown(job) for job in sorted(named.values(), key=lambda job: job.number)]

    def cancel(self, identity: str) -> Job:
        """Cancel a job, or all of a batch that haven't ended: a queued one at once, a running one by its worker.

        One that is cancelled stays so. Raises NoSuchJob, HasEnded.
        """
        self.get(identity)
        self.records.change(lambda table: self._cancel(table, identity))
        return self.get(identity)

    def _cancel(self, table: Table, identity: str) -> None:
        job = table.get(identity)
        if job is None or job.status == "cancelled":
            return
        if not job.is_open:
            raise HasEnded(f"job {job.id} has {job.status}; there is nothing to cancel")
        for run in filter(None, map(table.get, job.children)):
            self._cancel_run(table, run)
        if job.children:
            table.put(_replace(settle(table, job.id, self._clock()) or job, cancelling=True))
        else:
            self._cancel_run(table, job)

    def _cancel_run(self, table: Table, run: Job) -> None:
        if run.status == "queued":
            table.put(_replace(run, status="cancelled", cancelling=True, ended=self._clock()))
            settle(table, run.parent, self._clock())
        elif run.status == "running":
            table.put(_replace(run, cancelling=True))

    def counts(self) -> dict[Status, int]:
        """Return how many runs there are of each status."""
        found = self.records.newest(KEPT + 10 * MOST_RUNS)
        return {status: sum(job.status == status for job in found if not job.children) for status in STATUSES}


def _together(runs: Sequence[Job]) -> Progress:
    """Return the progress of a batch."""
    shares = [1.0 if not run.is_open else run.progress.share for run in runs] or [0.0]
    left = [run.progress.eta_seconds for run in runs if run.status == "running"]
    said = ", ".join(f"{n} {status}" for status, n in counted(runs).items() if n)
    known = [seconds for seconds in left if seconds is not None]
    waiting = any(run.status == "queued" for run in runs)
    eta = None if waiting else max(known, default=None)  # of those that wait nobody knows how long they take
    return Progress(share=sum(shares) / len(shares), text=said, eta_seconds=eta)


def _forget_old(table: Table) -> None:
    """Forget the oldest jobs that have ended, beyond those that are kept."""
    for identity in table.ended()[:-KEPT]:
        table.delete(identity)
