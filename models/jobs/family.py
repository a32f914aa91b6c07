"""A batch and its runs."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from models.jobs.record import STATUSES, Job, Status
from models.jobs.records import Table


def settle(table: Table, parent: str, now: float) -> Job | None:
    """Let a batch have the status that its runs give it; return it, None where there is none."""
    batch = table.get(parent) if parent else None
    if batch is None:
        return None
    runs = [run for run in map(table.get, batch.children) if run is not None]
    status = together(run.status for run in runs)
    if status == batch.status:
        return batch
    started = batch.started or (now if status != "queued" else None)
    ended = None if status in ("queued", "running") else now
    error = next((run.error for run in runs if run.error), "") if status == "failed" else ""
    batch = msgspec.structs.replace(batch, status=status, started=started, ended=ended, error=error)
    table.put(batch)
    return batch


def together(statuses: Iterable[Status]) -> Status:
    """Return the status of a batch of runs with these."""
    found = set(statuses)
    if found <= {"queued"}:
        return "queued"
    if found & {"queued", "running"}:
        return "running"
    for status in ("failed", "cancelled"):
        if status in found:
            return status
    return "succeeded"


def counted(runs: Iterable[Job]) -> dict[Status, int]:
    """Return how many runs there are of each status."""
    found = [run.status for run in runs]
    return {status: found.count(status) for status in STATUSES}
