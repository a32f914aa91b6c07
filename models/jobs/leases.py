"""Jobs as workers see them: one run at a time, for as long as its lease is renewed.

A lease has a fence, the attempt's number. Whoever comes with an older one, a process that was stopped for a while, is
told that it lost the job, and nothing it says is written. It has to stop by itself before its lease is over: then
nobody else can have begun.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from models.jobs.family import settle
from models.jobs.place import has_ended
from models.jobs.record import Job, Lease, Process, Progress
from models.jobs.records import Records, Table

LEASE_S: Final = 30.0
RENEW_S: Final = 3.0
BEGIN_S: Final = 120.0  # until its process has begun: on a busy machine imports take long
_MOST_ERROR: Final = 4000  # characters of an error that are kept
_replace = msgspec.structs.replace


class LeaseLost(Exception):
    """Another process may have the job now, or nobody shall: this one stops."""


class Leases:
    """Hands runs of a store of records to workers. Every call raises RecordsAway where it can't be asked."""

    def __init__(
        self, records: Records, clock: Callable[[], float] = time.time, *, lease_s: float = LEASE_S,
        back_off_s: float = 10.0, attempts: int = 3,
    ) -> None:  # fmt: skip
        """Give leases of `lease_s` seconds by a clock that all workers share.

        A run that broke is tried again after `back_off_s`, doubled each time, up to so many attempts.
        """
        self.records, self._clock, self.lease_s = records, clock, lease_s
        self._back_off_s, self._attempts = back_off_s, attempts

    def take(self, worker: str) -> Job | None:
        """Give a worker the next run and return it, None where there is none to do now.

        Runs whose process is gone, or whose lease is over, are put back before that.
        """
        return self.records.change(lambda table: self._take(table, worker))

    def _take(self, table: Table, worker: str) -> Job | None:
        now = self._clock()
        for job in table.open():
            if job.status == "running" and job.lease is not None and _abandoned(job.lease, now):
                self._broke(table, job, "the worker or its process was killed, or lost its machine", now)
        jobs = {job.id: job for job in table.open()}
        running = [job.parent for job in jobs.values() if job.status == "running" and not job.children]
        ready = [
            job
            for job in jobs.values()
            if job.status == "queued" and not job.children and job.not_before <= now and _room(jobs, running, job)
        ]
        if not ready:
            return None
        job = min(ready, key=lambda job: (-job.priority, job.number))
        attempt = job.attempts + 1
        lease = Lease(
            worker, attempt, now + max(self.lease_s, BEGIN_S), before=job.lease.process if job.lease else None
        )
        job = _replace(job, status="running", attempts=attempt, lease=lease, started=now, error="")
        table.put(job)
        settle(table, job.parent, now)
        return job

    def started(self, job: str, fence: int, process: Process) -> Job:
        """Say which process will do it, before that says anything. Raises LeaseLost."""
        return self._held(job, fence, lambda held, lease, now: _replace(held, lease=_replace(lease, process=process)))

    def begin(self, job: str, fence: int, process: Process) -> Job:
        """Say, in the process that does it, that it has begun; return the job. Raises LeaseLost."""
        return self._held(job, fence, lambda held, lease, now: _replace(
            held, lease=_replace(lease, process=process, until=now + self.lease_s)
        ))  # fmt: skip

    def renew(self, job: str, fence: int, progress: Progress) -> Job:
        """Keep the lease, and say how far it is. Raises LeaseLost; it is lost where the job shall be cancelled."""
        return self._held(job, fence, lambda held, lease, now: _replace(
            held, lease=_replace(lease, until=now + self.lease_s), progress=progress
        ))  # fmt: skip

    def _held(self, name: str, fence: int, change: Callable[[Job, Lease, float], Job]) -> Job:
        def act(table: Table) -> Job:
            job, now = table.get(name), self._clock()
            if job is None or not _holds(job, fence) or job.lease is None:
                raise LeaseLost(f"job {name}: attempt {fence} lost its lease")
            if job.cancelling:
                raise LeaseLost(f"job {name} is cancelled")
            job = change(job, job.lease, now)
            table.put(job)
            return job

        return self.records.change(act)

    def succeed(self, job: str, fence: int, version: str) -> None:
        """End it with the version that came of it, even where it was to be cancelled: it is there. Raises LeaseLost."""

        def act(table: Table) -> None:
            held = table.get(job)
            if held is None or not _holds(held, fence):
                raise LeaseLost(f"job {job}: attempt {fence} lost its lease")
            progress = _replace(held.progress, share=1.0, eta_seconds=0.0)
            self._ended(table, _replace(held, status="succeeded", version=version, progress=progress))

        self.records.change(act)

    def fail(self, job: str, fence: int, error: str, *, again: bool) -> None:
        """End an attempt; `again` where another one may do better. Nothing happens where the lease is another's."""

        def act(table: Table) -> None:
            held = table.get(job)
            if held is not None and _holds(held, fence):
                if again:
                    self._broke(table, held, error, self._clock())
                else:
                    self._ended(table, _replace(held, status="failed", error=error[-_MOST_ERROR:]))

        self.records.change(act)

    def release(self, job: str, fence: int) -> None:
        """Put a job back that was interrupted in good order; the attempt doesn't count against it."""

        def act(table: Table) -> None:
            held = table.get(job)
            if held is not None and _holds(held, fence):
                if held.cancelling:
                    self._ended(table, _replace(held, status="cancelled"))
                else:
                    self._requeued(table, _replace(held, excused=held.excused + 1), self._clock())

        self.records.change(act)

    def _broke(self, table: Table, job: Job, error: str, now: float) -> None:
        """End an attempt that another one may do better."""
        if job.cancelling:
            self._ended(table, _replace(job, status="cancelled"))
        elif job.attempts - job.excused >= self._attempts:
            self._ended(table, _replace(job, status="failed", error=error[-_MOST_ERROR:]))
        else:
            wait = self._back_off_s * 2 ** (job.attempts - job.excused - 1)
            self._requeued(table, _replace(job, error=error[-_MOST_ERROR:]), now + wait)

    def _requeued(self, table: Table, job: Job, not_before: float) -> None:
        table.put(_replace(job, status="queued", not_before=not_before))  # the lease stays: whose process may linger
        settle(table, job.parent, self._clock())

    def _ended(self, table: Table, job: Job) -> None:
        table.put(_replace(job, lease=None, ended=self._clock()))
        settle(table, job.parent, self._clock())


def _holds(job: Job, fence: int) -> bool:
    return job.status == "running" and job.lease is not None and job.lease.fence == fence


def _abandoned(lease: Lease, now: float) -> bool:
    return lease.until <= now or (lease.process is not None and has_ended(lease.process))


def _room(jobs: dict[str, Job], running: list[str], job: Job) -> bool:
    """Return whether its batch may run one more."""
    batch = jobs.get(job.parent)
    most = batch.max_concurrent if batch is not None else None
    return most is None or running.count(job.parent) < most
