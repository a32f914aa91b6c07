"""First pass: one shard's ticks through the stations that live runs, its rows to staging. Resumes inside a shard."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from dataflows.assembly.assemble import NothingToResume, assemble
from dataflows.assembly.feature_groups import groups_of, single_symbol
from dataflows.assembly.flow import Flow
from dataflows.feature_history.shard import ShardSource
from dataflows.feature_history.staging import part_folders, write_part
from dataflows.feature_history.survey import MILLISECOND
from dataflows.history import quiet
from dataflows.interfaces import EndOfInput, Source
from dataflows.sources.files import FileSource
from dataflows.stations.bars import BarStation
from dataflows.stations.names import series_of_bars
from ops.settings import Settings
from schema.bars import Bars
from schema.features import FeatureRows
from schema.ticks import Int32

PART_ROWS: Final = 32_768  # 180 MB of 640 columns


@dataclass(frozen=True, slots=True)
class Input:
    """The ticks of a build."""

    files: tuple[Path, ...]
    start: int | None = None  # ns UTC
    end: int | None = None

    def open(self, settings: Settings) -> FileSource:
        """Open the files as a replay does."""
        return FileSource(
            self.files, lanes=settings.order.lanes, start_ns=self.start, end_ns=self.end,
            symbols=settings.universe.listed,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard's task."""

    settings: Settings
    input: Input
    universe: tuple[str, ...]  # the whole run's, in the order of its ids
    began: tuple[int, ...]  # ns UTC, the whole run's first ordered tick of each lane, -1 for none
    own: tuple[str, ...]
    folder: Path


def replay_shard(shard: Shard, on_read: Callable[[int], None], asked: Callable[[], bool]) -> int | None:
    """Stage the shard's rows; return how many, None where it was asked to stop.

    What an earlier, killed call staged up to its last checkpoint is kept. Raises AlreadyRunning where one still runs.
    """
    source = ShardSource(shard.input.open(shard.settings), shard.universe, shard.own, _future_bound(shard.settings))
    flow = _flow(shard, source)
    stage = _Staging(flow, shard)
    try:
        while not asked():
            try:
                batch = flow.pipeline.advance()
            except EndOfInput:
                stage.write()
                return stage.rows()
            if batch is not None and batch.features is not None and len(batch.bars.time):
                stage.add(series_of_bars(batch.bars, flow.universe.renames), batch.features)
            on_read(source.ticks_seen)
            stage.maybe_write()
        stage.write()
        return None
    finally:
        flow.close()


class _Staging:
    """Collects rows; writes them as a part and cuts a checkpoint behind it."""

    def __init__(self, flow: Flow, shard: Shard) -> None:
        self.flow, self.folder = flow, shard.folder
        ids = {name: k for k, name in enumerate(shard.universe)}
        self.ids: Int32 = np.array([ids[name] for name in flow.universe.names], np.int32)
        self.every = shard.settings.checkpoint.every_s
        self.written_at = time.monotonic()
        self.bars: list[Bars] = []
        self.features: list[FeatureRows] = []

    def add(self, bars: Bars, rows: FeatureRows) -> None:
        self.bars.append(bars._replace(symbol=self.ids[bars.symbol]))
        self.features.append(rows)

    def maybe_write(self) -> None:
        held = sum(len(bars.time) for bars in self.bars)
        if held >= PART_ROWS or time.monotonic() - self.written_at > self.every:
            self.write()

    def write(self) -> None:
        """Put what is held into a part, then cut a checkpoint: rows behind the newest checkpoint don't count."""
        if self.bars:
            write_part(self.folder / f"{self.flow.pipeline.number:016d}", self.bars, self.features)
        self.bars, self.features = [], []
        self.flow.pipeline.finish()
        self.written_at = time.monotonic()

    def rows(self) -> int:
        return sum(len(np.load(part / "bars.npy", mmap_mode="r")) for part in part_folders(self.folder))


def _flow(shard: Shard, source: Source) -> Flow:
    """Assemble the shard's flow, at its newest checkpoint where it has one; drop parts that came behind that."""
    settings, checkpoints = _own(shard), shard.folder / "checkpoints"
    groups = single_symbol(groups_of(shard.settings))
    try:
        flow = assemble(settings, source, groups=groups, checkpoint_folder=checkpoints, resume=True)
    except NothingToResume:
        flow = assemble(settings, source, groups=groups, checkpoint_folder=checkpoints)
        for station in flow.pipeline.stations:
            if isinstance(station, BarStation):
                station.builder.lane_began[:] = shard.began
    for part in part_folders(shard.folder):
        if int(part.name) > flow.pipeline.number:
            shutil.rmtree(part)
    return flow


def _own(shard: Shard) -> Settings:
    """The settings of the whole run, with the shard's symbols for its universe."""
    settings = quiet(shard.settings)
    never = settings.checkpoint.model_copy(update={"every_s": 1e9, "keep": 2})
    universe = settings.universe.model_copy(update={"symbols": shard.own, "cap": max(len(shard.own), 1)})
    return settings.model_copy(update={"checkpoint": never, "universe": universe})


def _future_bound(settings: Settings) -> int:
    return settings.gate.future_bound_ms * MILLISECOND
