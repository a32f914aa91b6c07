"""What a checkpoint costs: ours against Bytewax's recovery, over the same state, the same ticks, the same engine."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, run_main

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.batch import Arrivals, Batch
from dataflows.checkpoints.checkpoint import Checkpoints
from dataflows.engine import dataflow
from dataflows.interfaces import Snapshot
from dataflows.pipeline import Pipeline
from dataflows.sources.synthetic import SyntheticMarket
from ops.settings import Settings
from ops.settings.sections import Bars, Bus, Checkpoint, Inference, Store

TICKS_A_SECOND: Final = 2_000  # of the market, over all symbols
WARM_SECONDS: Final = 90  # of the market, so that each symbol is known and has closed a bar
POLL_EVERY: Final = 0.005  # seconds between two batches
BATCH: Final = 100  # ticks


@dataclass(frozen=True)
class Cost:
    """One way of keeping the state of `symbols`; times in ms, `bytes` on disk."""

    way: str
    symbols: int
    every: float  # seconds between two checkpoints
    checkpoints: int
    stall: float  # median over the checkpoints
    worst: float
    bytes: int
    first: float | None = None  # stall of the very first cut, in fresh memory
    durable: float | None = None  # from the cut until it counts
    restore: float | None = None  # from the start of the engine to the first batch


class Polls:
    """When the source was asked for a batch, and behind which polls a checkpoint came."""

    def __init__(self) -> None:
        """Start without any."""
        self.times: list[float] = []
        self.marks: list[int] = []

    def stalls(self) -> list[float]:
        """Return for each checkpoint how much longer than usual (ms) the source waited around it."""
        gaps = np.diff(self.times)
        usual = float(np.median(gaps))
        return [1e3 * float(gaps[max(0, mark - 1) : mark + 2].max() - usual) for mark in self.marks if mark < len(gaps)]


class Feed:
    """A source of batches drawn beforehand: one each 5 ms, and nothing in between, as in a live market."""

    lanes = ("0",)

    def __init__(self, batches: Sequence[Arrivals], polls: Polls) -> None:
        """Hand `batches` out, round and round were they to run out, and note each poll."""
        self.batches, self.polls = batches, polls
        self._next, self._due = 0, 0.0

    def next_batch(self) -> Arrivals | None:
        """Return the next batch if its time has come."""
        now = time.perf_counter()
        self.polls.times.append(now)
        if now < self._due:
            return None
        self._due, self._next = now + POLL_EVERY, self._next + 1
        return self.batches[self._next % len(self.batches)]

    def position(self) -> Snapshot:
        """Return the next batch's number."""
        return {"next": self._next}

    def seek(self, position: Snapshot) -> None:
        """Continue there."""
        self._next = position["next"]

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Name the feed."""
        return ["feed"] * len(offset), lane, offset

    def close(self) -> None:
        """Hold nothing."""


class MarkedCheckpoints(Checkpoints):
    """Checkpoints that note behind which poll they were cut; there is no store to wait for."""

    def __init__(self, folder: Path, polls: Polls) -> None:
        """Open the folder."""
        super().__init__(folder, acknowledged=lambda: sys.maxsize)
        self.polls = polls

    def cut(self, snapshot: Snapshot, number: int) -> None:
        """Note it and cut."""
        self.polls.marks.append(len(self.polls.times))
        super().cut(snapshot, number)


class Market:
    """Ticks of `symbols` symbols: some to warm a flow, the rest in small batches to run it."""

    def __init__(self, symbols: int, seconds: float) -> None:
        """Draw enough for `seconds` of wall time."""
        batches = int(seconds / POLL_EVERY) + 1
        duration = WARM_SECONDS + 2 * batches * BATCH / TICKS_A_SECOND
        rate = TICKS_A_SECOND / symbols
        market = SyntheticMarket(symbols, rate=rate, duration_s=duration, faults=0.0, batch_size=20_000)
        self.symbols = symbols
        self.warm = [market.next_batch() for _ in range(WARM_SECONDS * TICKS_A_SECOND // 20_000)]
        market.batch_size = BATCH
        self.batches = [arrivals for _ in range(batches) if (arrivals := market.next_batch()) is not None]

    @contextmanager
    def flow(self, polls: Polls, *, warm: bool = True, every: float = 60.0) -> Iterator[Flow]:
        """Assemble the real flow, without model and store, over this market; checkpoints `every` seconds."""
        settings = Settings(
            bars=Bars(timeframes=("1m",)), inference=Inference(model="none"), store=Store(url="null:"),
            bus=Bus(url="null:"), checkpoint=Checkpoint(every_s=every),
        )  # fmt: skip
        flow = assemble(settings, Feed(self.batches, polls))
        with closing(flow):
            for arrivals in self.warm if warm else ():
                advance(flow.pipeline, arrivals)
            yield flow


def advance(pipeline: Pipeline, arrivals: Arrivals | None) -> None:
    """Step one batch through all stations."""
    pipeline.number += 1
    batch = Batch(pipeline.number, arrivals)
    for station in pipeline.stations:
        batch = pipeline.step(station, batch)


def cost_of_ours(market: Market, folder: Path, seconds: float, every: float) -> Cost:
    """Run the flow with our checkpoints under Bytewax; then cut some more while it stands still."""
    polls = Polls()
    with market.flow(polls, every=every) as flow:
        checkpoints = MarkedCheckpoints(folder, polls)
        flow.pipeline.checkpoints = checkpoints
        drain_after(flow.pipeline, seconds)
        run_main(dataflow(flow.pipeline, lambda: None))
        checkpoints.finish()
        stalls = polls.stalls()
        durable = [1e3 * durable_seconds(flow.pipeline, checkpoints) for _ in range(5)]
    return Cost(
        "ours", market.symbols, every, len(stalls), statistics.median(stalls), max(stalls), checkpoints.last_size,
        first=first_cut(flow.pipeline, folder / "first"), durable=statistics.median(durable),
        restore=restore_ours(market, folder),
    )  # fmt: skip


def drain_after(pipeline: Pipeline, seconds: float) -> None:
    """Have the pipeline drain once it has run for `seconds`."""
    end = time.perf_counter() + seconds

    def look(_: Batch) -> None:
        pipeline.draining = time.perf_counter() >= end

    pipeline.on_batch = look


def durable_seconds(pipeline: Pipeline, checkpoints: Checkpoints) -> float:
    """Cut one checkpoint and wait until it counts."""
    began = time.perf_counter()
    checkpoints.cut(pipeline.snapshot(), pipeline.number)
    checkpoints.finish()
    return time.perf_counter() - began


def first_cut(pipeline: Pipeline, folder: Path) -> float:
    """Return the stall (ms) of a first cut, which has to get its memory."""
    with closing(Checkpoints(folder, acknowledged=lambda: sys.maxsize)) as checkpoints:
        began = time.perf_counter()
        checkpoints.cut(pipeline.snapshot(), pipeline.number)
        stall = 1e3 * (time.perf_counter() - began)
        checkpoints.finish()
    return stall


def restore_ours(market: Market, folder: Path) -> float:
    """Return the time (ms) from opening the folder to the first resumed batch."""
    with market.flow(Polls(), warm=False) as flow:
        began = time.perf_counter()
        with closing(Checkpoints(folder, acknowledged=lambda: sys.maxsize)) as checkpoints:
            snapshot, _ = checkpoints.newest()
        assert snapshot is not None, "the run before left no checkpoint"
        flow.pipeline.restore(snapshot)
        drain_after(flow.pipeline, 0.0)
        run_main(dataflow(flow.pipeline, lambda: None))
        first = time.perf_counter()
        assert len(flow.universe) == market.symbols, f"{len(flow.universe)} symbols came back"
    return 1e3 * (first - began)


class _Partition(StatefulSourcePartition[tuple[str, Arrivals], int]):
    def __init__(self, feed: Feed, keys: Sequence[str], ended: Callable[[], bool]) -> None:
        self.feed, self.keys, self.ended = feed, keys, ended

    def next_batch(self) -> list[tuple[str, Arrivals]]:
        arrivals = self.feed.next_batch()
        if self.ended():
            raise StopIteration
        return [] if arrivals is None else [(key, arrivals) for key in self.keys]

    def snapshot(self) -> int:
        self.feed.polls.marks.append(len(self.feed.polls.times))
        return int(self.feed.position()["next"])


class _Source(FixedPartitionedSource[tuple[str, Arrivals], int]):
    def __init__(self, feed: Feed, keys: Sequence[str], ended: Callable[[], bool]) -> None:
        self.feed, self.keys, self.ended = feed, keys, ended

    def list_parts(self) -> list[str]:
        return ["all"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _Partition:
        if resume_state is not None:
            self.feed.seek({"next": resume_state})
        return _Partition(self.feed, self.keys, self.ended)


class _State(StatefulBatchLogic[Arrivals, float, Snapshot]):
    """The flow's stations behind a key. With several keys, the first steps them and each keeps a share of rows."""

    def __init__(self, pipeline: Pipeline, share: int, shares: int) -> None:
        self.pipeline, self.share, self.shares = pipeline, share, shares

    def on_batch(self, values: list[Arrivals]) -> tuple[list[float], bool]:
        if self.share == 0:
            for arrivals in values:
                advance(self.pipeline, arrivals)
        return [time.perf_counter()], False

    def snapshot(self) -> Snapshot:
        copied: Snapshot = copied_share(self.pipeline.snapshot(), self.share, self.shares)
        return copied


def copied_share(node: Any, share: int, shares: int) -> Any:
    """Copy a snapshot, of each array the rows of one share: Bytewax pickles it later."""
    if isinstance(node, dict):
        return {key: copied_share(value, share, shares) for key, value in node.items()}
    return np.array_split(node, shares)[share].copy() if isinstance(node, np.ndarray) else node


def bytewax_flow(pipeline: Pipeline, source: _Source, out: list[Any]) -> Dataflow:
    """Return a dataflow that keeps the stations' state in one stateful step, under the keys of the source."""
    shares = len(source.keys)
    share = iter(range(shares))

    def build(resumed: Snapshot | None) -> _State:
        if resumed is not None:
            pipeline.restore(resumed)
        return _State(pipeline, next(share), shares)

    flow = Dataflow("recovery")
    stream = op.input("source", flow, source)
    done = op.stateful_batch("state", stream, build)
    op.output("out", done, TestingSink(out))
    return flow


def cost_of_bytewax(market: Market, folder: Path, seconds: float, every: float, shares: int = 1) -> Cost:
    """Run the same stations with their state in Bytewax's recovery."""
    folder.mkdir(parents=True)
    init_db_dir(folder, 1)
    polls = Polls()
    with market.flow(polls) as flow:
        end = time.perf_counter() + seconds
        run_bytewax(flow, folder, every, lambda _: time.perf_counter() >= end, shares)
    stalls = polls.stalls()
    size = sum(path.stat().st_size for path in folder.iterdir())
    way = "Bytewax, 1 key" if shares == 1 else f"Bytewax, {shares} keys"
    restore = restore_bytewax(market, folder) if shares == 1 else None
    return Cost(
        way, market.symbols, every, len(stalls), statistics.median(stalls), max(stalls), size, restore=restore
    )  # fmt: skip


def run_bytewax(
    flow: Flow, folder: Path, every: float, ended: Callable[[list[Any]], bool], shares: int = 1
) -> list[tuple[str, float]]:  # fmt: skip
    """Run, or go on with, a flow under Bytewax's recovery; return when each batch was through."""
    out: list[tuple[str, float]] = []
    assert isinstance(flow.pipeline.source, Feed)
    keys = [str(share) for share in range(shares)]
    run_main(
        bytewax_flow(flow.pipeline, _Source(flow.pipeline.source, keys, lambda: ended(out)), out),
        epoch_interval=timedelta(seconds=every),
        recovery_config=RecoveryConfig(folder, timedelta(0)),
    )
    return out


def restore_bytewax(market: Market, folder: Path) -> float:
    """Return the time (ms) from the start of the engine to the first resumed batch."""
    with market.flow(Polls(), warm=False) as flow:
        began = time.perf_counter()
        [(_, first), *_] = run_bytewax(flow, folder, 10.0, bool)
        assert len(flow.universe) == market.symbols, f"{len(flow.universe)} symbols came back"
    return 1e3 * (first - began)


def baseline(market: Market, seconds: float, every: float) -> Cost:
    """Run without any checkpoint, and look at as many moments: what the machine does by itself."""
    polls = Polls()
    with market.flow(polls) as flow:
        drain_after(flow.pipeline, seconds)
        run_main(dataflow(flow.pipeline, lambda: None))
    wanted = int(seconds / every)
    polls.marks = [k * len(polls.times) // (wanted + 1) for k in range(1, wanted + 1)]
    stalls = polls.stalls()
    return Cost("none", market.symbols, every, len(stalls), statistics.median(stalls), max(stalls), 0)


def measure(sizes: Sequence[int], intervals: Sequence[float], seconds: float, folder: Path) -> list[Cost]:
    """Measure every way for every number of symbols and interval, `seconds` each."""
    costs = []
    for symbols in sizes:
        market = Market(symbols, seconds)
        costs.append(baseline(market, seconds, min(intervals)))
        for every in intervals:
            place = folder / f"{symbols}-{every}"
            costs.append(cost_of_ours(market, place / "ours", seconds, every))
            costs.append(cost_of_bytewax(market, place / "one", seconds, every))
        costs.append(cost_of_bytewax(market, folder / f"{symbols}-eight", seconds, min(intervals), shares=8))
    return costs
