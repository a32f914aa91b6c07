"""Every store of records, with a clock that the test moves."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.jobs.jobs import Jobs, Request
from models.jobs.leases import Leases
from models.jobs.opening import open_records
from models.jobs.record import Task
from models.jobs.records import Records


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """URL and namespace of records."""
    if request.param == "redis":
        return request.getfixturevalue("redis_server"), f"t{secrets.token_hex(8)}"
    return f"sqlite:///{tmp_path}/jobs.db", "live"


@pytest.fixture
def records(place: tuple[str, str]) -> Iterator[Records]:
    opened = open_records(*place)
    yield opened
    opened.close()


@pytest.fixture
def jobs(records: Records, clock: Clock) -> Jobs:
    return Jobs(records, clock)


@pytest.fixture
def leases(records: Records, clock: Clock) -> Leases:
    return Leases(records, clock, lease_s=30, back_off_s=10, attempts=3)


def wanted(*models: str, **more: object) -> Request:
    tasks = tuple(Task(timeframe="1d", model=model) for model in models or ("gru",))
    return Request(tasks=tasks, **more)  # type: ignore[arg-type]
