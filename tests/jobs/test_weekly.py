"""The weekly retraining, on every store of records and by a clock that the test moves."""

from __future__ import annotations

import datetime as dt

import pytest

from models.jobs.jobs import Jobs
from models.jobs.record import Task
from models.jobs.weekly import Weekly, newest_time
from tests.jobs.conftest import Clock

WEEK = 7 * 86_400


def at(text: str) -> float:
    return dt.datetime.fromisoformat(f"{text}+00:00").timestamp()


def weekly(jobs: Jobs, clock: Clock, when: str = "sun 02:00") -> Weekly:
    return Weekly(jobs, when, lambda: (Task(timeframe="1d"), Task(timeframe="1h")), clock)


@pytest.mark.parametrize(
    ("now", "found"),
    [
        ("2026-11-22T02:00:00", "2026-11-22T02:00:00"),
        ("2026-11-22T01:59:59", "2026-11-15T02:00:00"),
        ("2026-11-28T23:00:00", "2026-11-22T02:00:00"),
        ("2024-03-01T00:00:00", "2024-02-25T02:00:00"),
    ],
)
def test_the_newest_time_of_a_week(now: str, found: str) -> None:
    assert newest_time("sun 02:00", at(now)) == at(found)
    assert dt.datetime.fromtimestamp(newest_time("wed 13:30", at(now)), dt.UTC).strftime("%a %H:%M") == "Wed 13:30"


def test_it_is_submitted_once_when_its_time_has_come(jobs: Jobs, clock: Clock) -> None:
    clock.now = at("2026-11-20T00:00:00")
    mine, other = weekly(jobs, clock), weekly(jobs, clock)
    mine.look(), other.look()
    assert jobs.newest(10) == [], "it was set up, nothing is due"
    clock.now = at("2026-11-22T01:59:59")
    mine.look()
    assert jobs.newest(10) == []
    clock.now += 1
    for _ in range(3):
        mine.look(), other.look(), weekly(jobs, clock).look()
    (batch,) = (job for job in jobs.newest(10) if job.children)
    assert len(batch.children) == 2
    clock.now += WEEK
    other.look(), mine.look()
    assert len([job for job in jobs.newest(10) if job.children]) == 2


def test_what_was_missed_is_made_up_for_once(jobs: Jobs, clock: Clock) -> None:
    clock.now = at("2026-11-20T00:00:00")
    weekly(jobs, clock).look()
    clock.now += 5 * WEEK
    for _ in range(2):
        weekly(jobs, clock).look()
    assert len([job for job in jobs.newest(10) if job.children]) == 1


def test_another_time_of_the_week_begins_anew(jobs: Jobs, clock: Clock) -> None:
    clock.now = at("2026-11-20T00:00:00")
    weekly(jobs, clock).look()
    clock.now += WEEK
    weekly(jobs, clock, "wed 13:30").look()
    assert jobs.newest(10) == []
    Weekly(jobs, "", lambda: (Task(timeframe="1d"),), clock).look()
    assert jobs.newest(10) == [], "never"
