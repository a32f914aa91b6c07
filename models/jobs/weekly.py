"""Retraining once a week, by whichever worker looks first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

from models.jobs.jobs import Jobs, Request
from models.jobs.record import Task
from models.jobs.records import Table
from ops.durations import parse_weekly
from ops.log import logger

_WEEK_S: Final = 7 * 86_400


def newest_time(weekly: str, now: float) -> int:
    """Return the newest of the weekly times (`sun 02:00`, UTC) up to now, Unix time in s."""
    weekday, hour, minute = parse_weekly(weekly)
    monday = dt.datetime(2024, 1, 1, tzinfo=dt.UTC).timestamp()
    first = int(monday) + weekday * 86_400 + hour * 3600 + minute * 60
    return first + int((now - first) // _WEEK_S) * _WEEK_S


class Weekly:
    """Submits what is to be trained when its time has come: once each, and once for all that were missed."""

    def __init__(
        self, jobs: Jobs, weekly: str, tasks: Callable[[], tuple[Task, ...]], clock: Callable[[], float]
    ) -> None:
        """Look at `clock` (Unix time, s) when asked. The first time ever it waits for the next week's.

        `weekly` is like `sun 02:00`, UTC, or empty for never.
        """
        self._jobs, self._weekly, self._tasks, self._clock = jobs, weekly, tasks, clock
        self._mark = f"weekly {weekly}"
        self._known = 0  # the newest time that is dealt with, as far as is known here

    def look(self) -> None:
        """Submit, if it is time. Raises RecordsAway."""
        if not self._weekly:
            return
        due = newest_time(self._weekly, self._clock())
        if due <= self._known:
            return
        marks = self._jobs.records.marks()
        tasks = self._tasks() if self._mark in marks else ()
        submitted = self._jobs.records.change(lambda table: self._deal_with(table, due, tasks))
        self._known = due
        if submitted:
            logger("worker").info("weekly retraining is queued", job=submitted, runs=len(tasks))

    def _deal_with(self, table: Table, due: int, tasks: tuple[Task, ...]) -> str:
        """Note the time as dealt with, and return the job that was made for it."""
        before = table.mark(self._mark)
        if before and int(before) >= due:
            return ""
        table.set_mark(self._mark, str(due))
        return self._jobs.submit_in(table, Request(tasks=tasks)).id if before and tasks else ""
