"""One training job, in the process that a worker started for it."""

from __future__ import annotations

import glob
import traceback
from pathlib import Path

from models.jobs.heart import Heart
from models.jobs.leases import LeaseLost
from models.jobs.place import this_process
from models.jobs.record import Task
from models.registry.register import Versions
from ops.command_line import exit_code_of
from ops.commands.jobs import leases_of, open_jobs
from ops.errors import ConfigurationError
from ops.settings import Settings
from ops.settings.layers import Entry
from ops.settings.loading import settings_of

_AWAY = 75
_LOST = 70


def run(settings: Settings, *, json: bool, identity: str, fence: int) -> int:
    """Do it, and say how it ended. Leaves at once where another process has the job or it is cancelled."""
    leases = leases_of(settings, open_jobs(settings).records)
    try:
        job = leases.begin(identity, fence, this_process())
        assert job.task is not None, "workers are given runs alone"
        with Heart(leases, job) as heart:
            version = train_task(settings, job.task, job.id, heart)
        if job.task.challenges:  # before it has succeeded: another attempt would do so again, to no harm
            Versions(settings.registry.root).challenge(version)
        leases.succeed(identity, fence, version)
    except LeaseLost as lost:
        print(lost)
        return _LOST
    except Exception as error:
        code = exit_code_of(error)
        if code is None:
            traceback.print_exc()
        text = str(error) if code is not None else "".join(traceback.format_exception_only(error)).strip()
        print(f"undertone: {text}")
        leases.fail(identity, fence, text, again=code in (None, _AWAY))
        return code or 1
    return 0


def train_task(settings: Settings, task: Task, run: str, heart: Heart) -> str:
    """Train as `undertone train --resume` does, and return the version."""
    settings = settings_of_task(settings, task)
    files = files_of(task, settings.jobs.files)  # before what takes long to import
    from models.extensions import load_architectures
    from models.runs.training import train
    from models.tracking.opening import open_tracker
    from models.tracking.run import tracked
    from ops.commands.train import history_dataset, history_of
    from ops.train_settings import configuration

    load_architectures(settings.models.modules)
    config = configuration(settings, task.name or None, task.model or None)
    heart.say("reading the history")
    dataset = history_dataset(settings, task.timeframe, history_of(settings, files, True, lambda: False))
    tracker = open_tracker(settings.tracking.url, settings.tracking.directory)
    with tracked(tracker, config, dataset) as told:
        version = train(dataset, config, settings.registry.root, heart.step, resume=True, run=run)
        told.published(Versions(settings.registry.root), version)
    return version


def settings_of_task(settings: Settings, task: Task) -> Settings:
    """Return a worker's settings with the task's over them. Raises ConfigurationError that names a wrong one."""
    mine = settings.model_dump(by_alias=True, exclude_unset=True)
    entries = [Entry(f"{section}.{key}", value, f"{section}.{key}") for section in mine for key, value in
               mine[section].items()]  # fmt: skip
    wanted = {
        **task.settings, "bars.timeframes": task.timeframe, "universe.symbols": task.symbols or None,
        "train.horizon": task.horizon, "train.start": task.start or None, "train.end": task.end or None,
    }  # fmt: skip
    entries += [Entry(key, value, key, "of the job") for key, value in wanted.items() if value is not None]
    return settings_of(entries)


def files_of(task: Task, known: tuple[str, ...]) -> list[Path]:
    """Return the files that a task trains on: its own, or those of jobs.files that are for its timeframe.

    Raises ConfigurationError where there are none.
    """
    if task.files:
        return [Path(name) for name in task.files]
    named = [name.rpartition("=") for name in known]
    chosen = [path for timeframe, _, path in named if timeframe == task.timeframe] or [
        path for timeframe, _, path in named if not timeframe
    ]
    found = [Path(path) for name in chosen for path in sorted(glob.glob(name))]
    if not found:
        raise ConfigurationError(
            f"setting jobs.files is {','.join(known)!r}: no file of it is for timeframe {task.timeframe}; name "
            "files of ticks or bars where the worker runs"
        )
    return found
