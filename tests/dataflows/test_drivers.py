"""Both drivers of a pipeline: errors come out as they were raised, and an idle source doesn't keep a drain waiting."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np
import pytest

from dataflows import engine
from dataflows.batch import Arrivals, Batch
from dataflows.interfaces import EndOfInput, Snapshot
from dataflows.pipeline import Pipeline
from dataflows.sinks.errors import StoreUnavailable
from schema.ticks import ticks_of

AWAY = StoreUnavailable("the store is away")


def in_process(pipeline: Pipeline, on_end: Callable[[], None]) -> None:
    pipeline.run()
    on_end()


DRIVERS = pytest.mark.parametrize("drive", [in_process, engine.run])


class Log:
    """Ten batches, or nothing for ever; fails in batch `fails`."""

    lanes = ("0",)

    def __init__(self, fails: int = 0, idle: bool = False) -> None:
        self.number, self.fails, self.idle = 0, fails, idle

    def next_batch(self) -> Arrivals | None:
        self.number += 1
        if self.number == self.fails:
            raise AWAY
        if self.idle:
            return None
        if self.number > 10:
            raise EndOfInput
        return Arrivals(ticks_of(1), ("a",))

    def position(self) -> Snapshot:
        return {}

    def seek(self, position: Snapshot) -> None: ...

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        return ["log"] * len(lane), lane, offset

    def close(self) -> None: ...


class Counts:
    def __init__(self, name: str, fails: int = 0) -> None:
        self.name, self.fails, self.seen = name, fails, 0

    def step(self, batch: Batch) -> Batch:
        if batch.number == self.fails:
            raise AWAY
        self.seen = batch.number
        return batch

    def snapshot(self) -> Snapshot:
        return {}

    def restore(self, snapshot: Snapshot) -> None: ...


@DRIVERS
def test_an_undisturbed_run_ends_once(drive: Callable[..., None]) -> None:
    ended: list[int] = []
    first, last = Counts("first"), Counts("last")
    drive(Pipeline(Log(), [first, last], ""), lambda: ended.append(1))
    assert (first.seen, last.seen, ended) == (11, 11, [1])


@DRIVERS
@pytest.mark.parametrize("where", ["source", "station", "behind", "end"])
def test_an_error_comes_out_as_it_was_raised(drive: Callable[..., None], where: str) -> None:
    ended: list[int] = []
    first, last = Counts("first", 4 if where == "station" else 0), Counts("last")
    pipeline = Pipeline(Log(4 if where == "source" else 0), [first, last], "")

    def behind(batch: Batch) -> None:
        if where == "behind" and batch.number == 4:
            raise AWAY

    def on_end() -> None:
        ended.append(1)
        if where == "end":
            raise AWAY

    pipeline.on_batch = behind
    with pytest.raises(StoreUnavailable) as caught:
        drive(pipeline, on_end)
    assert caught.value is AWAY
    assert last.seen == {"source": 3, "station": 3, "behind": 4, "end": 11}[where]
    assert ended == ([1] if where == "end" else [])


@DRIVERS
def test_an_idle_source_drains(drive: Callable[..., None]) -> None:
    asked, ended = count(), []
    pipeline = Pipeline(Log(idle=True), [Counts("only")], "", drain_asked=lambda: next(asked) > 5)
    drive(pipeline, lambda: ended.append(1))
    assert ended == [1]
