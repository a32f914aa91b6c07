"""One life of `undertone`, with a kill planted: `UNDERTONE_KILL_AT=polled:20 python -m tests.recovery.life run …`.

The chaos harness forks its lives from a warm process instead, which saves two seconds each: see `Progress`.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import sys
from pathlib import Path
from typing import Any

from dataflows import live
from dataflows.checkpoint import Checkpoints
from dataflows.pipeline import Pipeline
from dataflows.sources.files import FileSource
from ops.cli import main
from tests.recovery.kill_points import Plan, Points, _wrap, die, plant

VARIABLE = "UNDERTONE_KILL_AT"


class Progress:
    """What a life came to, in memory that outlives it: the batch it resumed at, its newest, checkpoints, the kill."""

    def __init__(self) -> None:
        self._cells = multiprocessing.get_context("fork").Array("q", 4, lock=False)

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
    def died_at_its_point(self) -> bool:
        return bool(self._cells[3])

    def follow(self) -> None:
        """Note from now on what the pipeline of this process does."""

        def pulled(inner: Any, pipeline: Pipeline) -> Any:
            batch = inner(pipeline)
            self._cells[1] = pipeline.number
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
    folder: Path, arguments: list[str], batch_size: int, plan: Plan | None, progress: Progress, points: Points
) -> None:
    """Run `undertone` with the arguments in a folder, in this forked process; leaves by SystemExit or SIGKILL."""
    os.chdir(folder)
    for name, descriptor in (("out.txt", 1), ("errors.txt", 2)):
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, descriptor)
    live.FileSource = functools.partial(FileSource, batch_size=batch_size)  # type: ignore[misc,assignment]
    progress.follow()
    if plan is not None:
        plant(plan, progress.die, points)
    main(arguments)


if __name__ == "__main__":
    if at := os.environ.pop(VARIABLE, None):
        plant(Plan.parse(at))
    main(sys.argv[1:])
