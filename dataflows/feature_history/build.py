"""Build a feature history: every row that live would have computed from files of ticks, in Parquet for training.

Two passes. First, shards of symbols in processes of their own: each replays the ticks of its symbols through the
stations that live runs and stages the columns that look at one symbol. Then the cross-section by bar time over all
shards' bars, in order, while processes join it with the staged columns and write the files of day after day. The
rows are those of one run over everything, to the bit. A killed build goes on at the last checkpoint of each shard
and the last day written.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from dataflows.assembly.feature_groups import groups_of
from dataflows.feature_history.cross import DAY, CrossPass
from dataflows.feature_history.days import Day
from dataflows.feature_history.manifest import Manifest
from dataflows.feature_history.plan import Report, about, plan_of, report_of
from dataflows.feature_history.replay import Input, Shard
from dataflows.feature_history.shard import shards_of
from dataflows.feature_history.staging import Staged
from dataflows.feature_history.survey import survey
from dataflows.feature_history.workers import Workers
from dataflows.kernel_cache import forget_stale
from ops.progress import Progress
from ops.settings import Settings

STAGING: Final = "_staging"


class Build:
    """One call of a build: `run` goes as far as it is let."""

    def __init__(
        self, settings: Settings, ticks: Input, out: Path, workers: int, *, resume: bool = False, quiet: bool = True,
        asked: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        """Build from `ticks` into the folder `out` with `workers` processes; `asked` says when to drain.

        With `resume`, go on with what an earlier call left in `out`. Raises BuildMismatch where `out` holds something
        else, BadFile for a file that can't be read.
        """
        self.settings, self.ticks, self.out, self.processes = settings, ticks, out, workers
        self.quiet, self.asked = quiet, asked
        self.groups = groups_of(settings)
        self.plan = plan_of(settings, ticks, self.groups)
        self._manifest = Manifest.read_from(out, self.plan, resume)

    def run(self) -> Report:
        """Build, or go on."""
        began = time.monotonic()
        forget_stale()
        self.out.mkdir(parents=True, exist_ok=True)
        if self._manifest is None and not self._survey():
            return report_of(None, self.groups, time.monotonic() - began)
        manifest = self.manifest
        if not manifest.complete:
            workers = Workers(self.processes, len(manifest.shards))
            try:
                if self._stage(workers) and self._join(workers):
                    self._complete()
            finally:
                workers.close()
        return report_of(manifest, self.groups, time.monotonic() - began)

    @property
    def manifest(self) -> Manifest:
        """The plan and how far it came."""
        assert self._manifest is not None, "made by the survey"
        return self._manifest

    def _survey(self) -> bool:
        """Look once through the ticks, then deal the symbols to shards; False where it was asked to stop."""
        source, progress = self.ticks.open(self.settings), Progress(None, "ticks surveyed", self.quiet)
        stopped = False

        def on_read(read: int) -> bool:
            nonlocal stopped
            progress.at(read)
            stopped = self.asked()
            return stopped

        found = survey(self.settings, source, on_read)
        source.close()
        progress.close()
        if stopped:
            return False
        shards = shards_of(found.ticks, self.processes, found.renames)
        shutil.rmtree(self.out / STAGING, ignore_errors=True)
        self._manifest = Manifest(self.plan, found.ticks, found.began, found.read, shards)
        self._manifest.write(self.out)
        return True

    def _stage(self, workers: Workers) -> bool:
        """First pass; False where it was asked to stop."""
        manifest = self.manifest
        progress = Progress(manifest.read * len(manifest.shards), "ticks", self.quiet)
        futures: dict[Future[int | None], int] = {}
        for k, own in enumerate(manifest.shards):
            if str(k) not in manifest.staged:
                shard = Shard(
                    self.settings,
                    self.ticks,
                    tuple(manifest.universe),
                    tuple(manifest.began),
                    tuple(own),
                    self._shard(k),
                )
                futures[workers.replay(k, shard)] = k
        for future in workers.finished(futures, self.asked, lambda: progress.at(workers.ticks_seen())):
            if (rows := future.result()) is not None:
                manifest.staged[str(futures[future])] = rows
                manifest.write(self.out)
        progress.close()
        return len(manifest.staged) == len(manifest.shards)

    def _join(self, workers: Workers) -> bool:
        """Second pass; False where it was asked to stop."""
        manifest, folder = self.manifest, self.out / STAGING / "cross"
        folder.mkdir(parents=True, exist_ok=True)
        progress = Progress(sum(manifest.staged.values()), "rows", self.quiet)
        shards = [Staged(self._shard(k)) for k in range(len(manifest.shards))]
        cross = CrossPass(self.settings, list(manifest.universe), shards, folder)
        futures: dict[Future[int], int] = {}

        def note(done: Iterable[Future[int]]) -> None:
            for future in done:
                manifest.days[str(futures.pop(future))] = future.result()
                manifest.write(self.out)
            progress.at(sum(manifest.days.values()))

        for day in self._ready(cross, folder):
            if str(day) not in manifest.days:
                futures[workers.write(self._day(day, folder))] = day
            note([future for future in futures if future.done()])
            if self.asked():
                break
        note(list(workers.finished(futures, self.asked)))
        progress.close()
        return not self.asked() and sum(manifest.days.values()) == sum(manifest.staged.values())

    def _ready(self, cross: CrossPass, folder: Path) -> Iterable[int]:
        """Yield the days whose cross-section is staged: those of an earlier call, then day after day."""
        next_time = cross.next_time()
        staged = sorted(int(path.name) for path in folder.glob("[0-9]*"))
        yield from (day for day in staged if next_time is None or day < next_time // DAY)
        yield from (day for day, _ in cross.days())

    def _day(self, number: int, cross: Path) -> Day:
        manifest = self.manifest
        return Day(
            number, self.out, tuple(self._shard(k) for k in range(len(manifest.shards))), cross,
            tuple(manifest.universe), self.settings.bars.timeframes,
            tuple(column.name for group in self.groups for column in group.columns), about(self.groups),
        )  # fmt: skip

    def _shard(self, k: int) -> Path:
        return self.out / STAGING / f"shard-{k}"

    def _complete(self) -> None:
        self.manifest.complete = True
        self.manifest.write(self.out)
        shutil.rmtree(self.out / STAGING, ignore_errors=True)
