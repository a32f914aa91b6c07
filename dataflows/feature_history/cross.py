"""Second pass: bars of all shards in one order, and the columns that compare symbols, a UTC day at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dataflows.assembly.feature_groups import groups_of
from dataflows.batch import NO_TICKS
from dataflows.checkpoints import file as checkpoint_file
from dataflows.checkpoints.file import Arena
from dataflows.feature_history.staging import Staged, write_arrays
from dataflows.universe import Universe
from features.catalogue import Stage
from features.engine import FeatureEngine
from features.tick_inputs import TickPreparer
from ops.settings import Settings
from schema.bars import Bars
from schema.ticks import Float64, Int64, UInt8
from schema.timeframes import parse_timeframes

DAY: Final = 86_400 * 10**9  # ns
CHUNK_ROWS: Final = 4_096  # about; 25 MB of 789 columns
STATE: Final = "cross.state"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole bar times of one UTC day."""

    shard: NDArray[np.uint16]  # (n,) whose row it is; a shard's rows keep their order
    values: Float64  # (n, columns of Stage.CROSS)
    why: UInt8


class CrossPass:
    """Walks the staged bars day by day. Between two days its state is on disk, so that a killed build goes on there."""

    def __init__(self, settings: Settings, universe: list[str], shards: list[Staged], folder: Path) -> None:
        """Go on behind the last day whose state lies in `folder`, from the beginning where there is none."""
        timeframes = parse_timeframes(list(settings.bars.timeframes))
        groups = tuple(group for group in groups_of(settings) if group.stage is Stage.CROSS)
        self.engine = FeatureEngine(groups, len(timeframes), tuple(timeframe.by_time for timeframe in timeframes))
        self.engine.grow(len(universe))
        self.universe = Universe(universe, max(len(universe), 1), settings.universe.leaders)
        self.shards, self.folder = shards, folder
        self.at: Int64 = np.zeros(len(shards), np.int64)  # next row of each shard
        self._none = TickPreparer().prepare(NO_TICKS)
        self._arena = Arena()
        if (folder / STATE).is_file():
            saved = checkpoint_file.read(folder / STATE)
            self.engine.restore(saved["engine"])
            self.at = np.array(saved["at"])

    def days(self) -> Iterator[tuple[int, int]]:
        """Stage the cross-section of day after day; yield each day's number and rows once it is durable."""
        while (first := self.next_time()) is not None:
            day, began = first // DAY, self.at.copy()
            parts = [self._chunk(through) for through in self._cuts((day + 1) * DAY - 1)]
            write_arrays(
                self.folder / str(day),
                began=began,
                ends=np.cumsum([len(part.shard) for part in parts]),
                shard=np.concatenate([part.shard for part in parts]),
                values=np.concatenate([part.values for part in parts]),
                why=np.concatenate([part.why for part in parts]),
            )
            tree, body = self._arena.copy({"engine": self.engine.snapshot(), "at": self.at})
            checkpoint_file.write(self.folder / STATE, tree, body)
            yield day, int((self.at - began).sum())

    def next_time(self) -> int | None:
        """Return the close time of the next row, None behind the last."""
        times = [shard.time(int(at)) for shard, at in zip(self.shards, self.at) if at < len(shard)]
        return min(times, default=None)

    def _cuts(self, end: int) -> Iterator[int]:
        """Yield times that cut what lies ahead, up to `end`, into chunks of about CHUNK_ROWS; the caller moves on."""
        step = max(CHUNK_ROWS // max(len(self.shards), 1), 1)
        while (first := self.next_time()) is not None and first <= end:
            ahead = [shard.time(int(at) + step) for shard, at in zip(self.shards, self.at) if at + step < len(shard)]
            yield min([end, *ahead])

    def _chunk(self, through: int) -> Chunk:
        """Take all rows that closed at or before `through` and compute their cross-section."""
        until = np.array([shard.through(int(at), through) for shard, at in zip(self.shards, self.at)])
        records = np.concatenate([s.bars(int(a), int(b)) for s, a, b in zip(self.shards, self.at, until)])
        shard = np.repeat(np.arange(len(self.shards)), until - self.at).astype(np.uint16)
        order = np.lexsort(
            (records["sequence"], self.universe.rank[records["symbol"]], records["timeframe"], records["time"])
        )
        bars = as_bars(records[order])
        leaders = self.universe.ids(self.universe.leaders).tolist()
        rows, _ = self.engine.step(self._none, bars, leaders=leaders)
        self.at = until
        return Chunk(shard[order], rows.values.copy(), rows.why.copy())


def as_bars(records: NDArray[Any]) -> Bars:
    """Return bars as columns."""
    return Bars._make(np.ascontiguousarray(records[field]) for field in Bars._fields)
