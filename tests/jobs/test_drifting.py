"""Persistent drift queues the training of a challenger, one at a time and not often, on every store of records."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import msgspec

from dataflows.batch import Batch
from models.jobs.drifting import Drifting
from models.jobs.jobs import Jobs
from models.jobs.leases import Leases
from models.jobs.records import RecordsAway
from models.registry.register import RegistryError
from ops.retraining import Retraining, retraining_of
from ops.settings import load
from schema.alerts import Alert, AlertKind, AlertState
from tests.jobs.conftest import Clock

DAY = 86_400.0


class Shown:
    """A registry that knows versions `TIMEFRAME_champion`."""

    def show(self, version: str) -> Any:
        members = {"gru": 0, "xgboost": 0}
        return SimpleNamespace(version=version, timeframe=version.split("_")[0], members=members, primary=3)


def drifting(jobs: Jobs, clock: Clock) -> Drifting:
    return Drifting(jobs, Shown(), DAY, clock)  # type: ignore[arg-type]


def test_it_trains_the_champion_on_as_a_challenger(jobs: Jobs, clock: Clock) -> None:
    job = jobs.get(drifting(jobs, clock).submit("1m_champion"))
    assert job.kind == "incremental" and job.task is not None and job.task.challenges
    assert (job.task.timeframe, job.task.model, job.task.horizon) == ("1m", "gru+xgboost", 3)
    assert job.task.settings == {"train.replay": 0.3, "train.source": "1m_champion"}


def test_one_at_a_time_and_not_often(jobs: Jobs, leases: Leases, clock: Clock) -> None:
    asking, other = drifting(jobs, clock), drifting(jobs, clock)
    first = asking.submit("1m_champion")
    assert first and asking.submit("1m_champion") == other.submit("1m_champion") == ""
    assert other.submit("5m_champion"), "another timeframe has a rate of its own"
    clock.now += 2 * DAY
    assert other.submit("1m_champion") == "", "the first one waits still"
    jobs.cancel(first)
    second = other.submit("1m_champion")
    assert second and second != first
    jobs.cancel(second)
    clock.now += DAY - 1
    assert asking.submit("1m_champion") == ""
    clock.now += 1
    assert asking.submit("1m_champion")


def test_a_task_of_before_challenges_nobody() -> None:
    from models.jobs.record import Task

    assert msgspec.json.decode(b'{"timeframe": "1m"}', type=Task).challenges is False


class Asked:
    """Fails first, then notes what it is asked for."""

    def __init__(self) -> None:
        self.versions: list[str] = []
        self.failures: list[Exception] = [RecordsAway("no server"), RegistryError("gone")]
        self.thread = ""

    def submit(self, version: str) -> str:
        self.thread = threading.current_thread().name
        if self.failures:
            raise self.failures.pop()
        self.versions.append(version)
        return "job_1"


def test_the_flow_hands_over_what_persists_and_waits_for_nothing() -> None:
    asked = Asked()
    retraining = Retraining(asked)  # type: ignore[arg-type]
    kinds = (AlertKind.FEATURE_DRIFT, AlertKind.DRIFT_PERSISTS, AlertKind.JUMP)
    for k in range(4):
        batch = Batch(k)
        batch.alerts = [Alert(k, kind, AlertState.RAISED, 0, details={"model_version": f"v{k}"}) for kind in kinds]
        retraining.note(batch)
    retraining.close()
    assert asked.versions == ["v2", "v3"] and asked.thread == "retraining"


def test_it_is_off_unless_it_is_asked_for() -> None:
    assert retraining_of(load(environ={})) is None
    assert retraining_of(load([], ["alerts.retrains=true", "alerts.on=false"], {}, {})) is None
    wanted = retraining_of(load([], ["alerts.retrains=true"], {}, {}))
    assert wanted is not None
    wanted.close()
