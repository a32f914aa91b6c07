"""A challenger where drift persists: the champion is trained on newer data, and the result is only scored."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from models.jobs.jobs import Jobs, Request
from models.jobs.record import OPEN, Task
from models.jobs.records import Table
from models.jobs.retraining import onward
from models.registry.register import Versions

_NAME: Final = "drift"  # first part of the version's name


class Drifting:
    """Submits such trainings: one at a time a timeframe, and none within `every_s` seconds of the one before."""

    def __init__(self, jobs: Jobs, versions: Versions, every_s: float, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix time (s)."""
        self._jobs, self._versions, self._every_s, self._clock = jobs, versions, every_s, clock

    def submit(self, version: str) -> str:
        """Queue the training of a version; return the job, "" where another one stands in the way.

        Raises RecordsAway, and RegistryError where the version is gone.
        """
        task = onward(self._versions.show(version), name=_NAME, challenges=True)
        return self._jobs.records.change(lambda table: self._submit(table, task))

    def _submit(self, table: Table, task: Task) -> str:
        mark, now = f"drift {task.timeframe}", self._clock()
        before = table.mark(mark)
        waiting = [job for job in table.open() if job.status in OPEN and job.task is not None]
        mine = any(job.task.challenges and job.task.timeframe == task.timeframe for job in waiting if job.task)
        if mine or (before and now < float(before) + self._every_s):
            return ""
        table.set_mark(mark, repr(now))
        return self._jobs.submit_in(table, Request(tasks=(task,), kind="incremental")).id
