"""One life of `undertone`, with a kill planted: `UNDERTONE_KILL_AT=polled:20 python -m tests.recovery.life run …`.

The chaos harness forks its lives from a warm process instead, which saves two seconds each: see `Progress`.
"""

from __future__ import annotations

import faulthandler
import functools
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from dataflows import live
from dataflows.checkpoints.checkpoint import Checkpoints
from dataflows.kafka import opening
from dataflows.kafka.source import KafkaSource
from dataflows.pipeline import Pipeline
from dataflows.sources.files import FileSource
from dataflows.split import kafka
from ops.cli import main
from tests.recovery.kill_points import Plan, Points, _wrap, die, plant

Result = TypeVar("Result")
VARIABLE = "UNDERTONE_KILL_AT"


class Progress:
    """What a life came to, in memory that outlives it: the batch it resumed at, its newest, checkpoints, the kill."""

    def __init__(self) -> None:
        self._cells = multiprocessing.get_context("fork").Array("q", 5, lock=False)

    @property
    def resumed(self) -> int:
        return int(self._cells[0])

    @property
    def batch(self) -> int:
        return int(self._cells[1])

    @property
    def checkpoints(self) -> int:
        return int(self._cells[2])

    @property
    def polled(self) -> bool:
        return bool(self._cells[4])

    @property
    def died_at_its_point(self) -> bool:
        return bool(self._cells[3])

    def follow(self) -> None:
        """Note from now on what the pipeline of this process does."""

        def pulled(inner: Any, pipeline: Pipeline) -> Any:
            batch = inner(pipeline)
            self._cells[1], self._cells[4] = pipeline.number, 1
            return batch

        def restored(inner: Any, pipeline: Pipeline, snapshot: Any) -> None:
            inner(pipeline, snapshot)
            self._cells[0] = self._cells[1] = pipeline.number

        def counted(inner: Any, checkpoints: Checkpoints) -> None:
            inner(checkpoints)
            self._cells[2] += 1

        _wrap(Pipeline, "pull", pulled)
        _wrap(Pipeline, "restore", restored)
        _wrap(Checkpoints, "_prune", counted)

    def die(self) -> None:
        self._cells[3] = 1
        die()


def live_once(
    folder: Path, arguments: Sequence[str], plan: Plan | None, progress: Progress, points: Points,
    prepare: Callable[[], None], name: str = "",
) -> None:  # fmt: skip
    """Run `undertone` with the arguments in a folder, in this forked process; leaves by SystemExit or SIGKILL.

    What it prints goes to `out.txt` and `errors.txt` there, with `name` before.
    """
    os.chdir(folder)
    for file, descriptor in ((f"{name}out.txt", 1), (f"{name}errors.txt", 2)):
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, descriptor)
    faulthandler.enable()  # a crash of a library says where
    prepare()
    progress.follow()
    if plan is not None:
        plant(plan, progress.die, points)
    main(list(arguments))


def in_a_fork(folder: Path, arguments: Sequence[str], name: str) -> int:
    """Run a command in a folder, in a process of its own that needs no start; return its exit code."""
    process = multiprocessing.get_context("fork").Process(
        target=live_once, args=(folder, arguments, None, Progress(), {}, lambda: None, name)
    )
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def elsewhere(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function in a process of its own: one that lives are forked from keeps no client of a server."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=lambda: theirs.send(function(*arguments)))
    process.start()
    theirs.close()
    try:
        result: Result = ours.recv()
    except EOFError:
        raise AssertionError(f"{function.__name__} failed in a process of its own, see above") from None
    process.join()
    return result


def files_in_batches(ticks: int) -> None:
    """Let files be read `ticks` at a time from now on."""
    live.FileSource = functools.partial(FileSource, batch_size=ticks)  # type: ignore[misc,assignment]


def topics_in_batches(ticks: int) -> None:
    """Let topics be read about `ticks` at a time from now on, those of feature rows as many bytes."""
    opening.batch_ticks = lambda settings: ticks
    kafka.KafkaSource = functools.partial(KafkaSource, batch_ticks=100 * ticks)  # type: ignore[misc,assignment]


if __name__ == "__main__":
    if at := os.environ.pop(VARIABLE, None):
        plant(Plan.parse(at))
    main(sys.argv[1:])
