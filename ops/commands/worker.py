"""`undertone worker`: run training jobs, each in a process of its own."""

from __future__ import annotations

import os
import socket
import sys
import time
from typing import Final

from models.explain.cache import ExplanationFolder
from models.jobs.record import Job, Task
from models.jobs.retraining import onward
from models.jobs.weekly import Weekly
from models.jobs.worker import Worker
from models.registry.register import Versions
from ops.commands.jobs import leases_of, open_jobs
from ops.drain import Drain
from ops.errors import ConfigurationError
from ops.explaining_child import ExplainingChild
from ops.log import logger
from ops.settings import Settings
from ops.train_settings import members_of

_MAIN: Final = "from ops.cli import main; main()"
_FLAGS: Final = frozenset({"--until-idle"})


def run(settings: Settings, *, json: bool, drain: Drain, until_idle: bool) -> int:
    """Run jobs until stopped, or until there are none; what was running then goes on later."""
    jobs = open_jobs(settings)
    versions = Versions(settings.registry.root)
    given = [word for word in sys.argv[1:] if word not in _FLAGS]

    def command(job: Job) -> list[str]:
        return [sys.executable, "-c", _MAIN, *given, "--job", job.id, "--fence", str(job.attempts)]

    worker = Worker(
        leases_of(settings, jobs.records), f"{socket.gethostname()}:{os.getpid()}", command, settings.jobs.logs,
        most=settings.jobs.max_concurrent, grace_s=settings.jobs.grace_s, longest_s=settings.jobs.longest_s,
        ended=lambda job: versions.forget_run(job.id),
    )  # fmt: skip
    _check(settings)
    weekly = Weekly(jobs, settings.jobs.weekly, lambda: weekly_tasks(settings, versions), time.time)
    logger("worker").info("waiting for jobs", at_once=settings.jobs.max_concurrent, weekly=settings.jobs.weekly)
    folder = ExplanationFolder(settings.explain.directory, settings.explain.keep)
    explaining = ExplainingChild(folder, [sys.executable, "-c", _MAIN, *given, "--explain"])

    def look() -> None:
        weekly.look()
        explaining.look()

    try:
        worker.run(drain, look, until_idle)
    finally:
        explaining.close()
    return 0


def weekly_tasks(settings: Settings, versions: Versions) -> tuple[Task, ...]:
    """Return what is trained each week."""
    if settings.jobs.weekly_models:
        return tuple(
            Task(timeframe=timeframe, model=model)
            for timeframe in settings.bars.timeframes for model in settings.jobs.weekly_models
        )  # fmt: skip
    return tuple(onward(versions.show(active.version)) for active in versions.activations().values())


def _check(settings: Settings) -> None:
    """Raise ConfigurationError where the weekly retraining could not be done."""
    if settings.models.modules:
        return  # whose names are known where they are loaded: in the job
    for model in settings.jobs.weekly_models:
        try:
            members_of(model)
        except Exception as error:
            raise ConfigurationError(f"jobs.weekly_models: {error}") from None
