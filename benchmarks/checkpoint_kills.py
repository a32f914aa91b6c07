"""Kill a flow again and again, resume it with other batches, and compare its rows with those of a plain loop.

The log has bursts of one key at a time, as markets do: a key is idle while others tick. A row is written every 5
ticks of a key, with a hash over all its ticks; rows are keyed, so that writing one twice leaves one.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import run_main

from dataflows.batch import Arrivals, Batch
from dataflows.checkpoints.checkpoint import Checkpoints
from dataflows.engine import dataflow
from dataflows.interfaces import EndOfInput, Snapshot
from dataflows.pipeline import Pipeline
from schema.ticks import ticks_of

KEYS: Final = 8
EVERY: Final = 0.05  # seconds between two checkpoints
ROW_EVERY: Final = 5  # ticks of a key
LIFE: Final = (0.1, 0.35)  # seconds from the first batch to the kill
PATIENCE: Final = 30.0  # seconds for a run that nobody kills

FRONTIER: Final = "SELECT worker_frontier FROM fronts ORDER BY ex_num DESC LIMIT 1"  # the epoch to resume at

Row = tuple[int, int, int]  # key, ticks of the key so far, hash over them
State = list[int]  # ticks so far, hash


class SinkFailure(OSError):
    """The store can't be written: planted."""


@dataclass
class Outcome:
    """What came of the kills of one way of keeping state."""

    way: str
    fault: str
    killed: int = 0  # in the middle of the run, by SIGKILL
    failed: int = 0  # in the middle of the run, by an error of the store
    leftovers: int = 0  # ends that left state of an epoch that was never committed
    rows: int = 0
    lost: int = 0
    wrong: int = 0
    surplus: int = 0
    rewritten: int = 0  # written again by a resumed run; harmless where no bit differs
    changed: int = 0  # of them with other bits
    runs: int = 1
    damaged: int = 0  # runs that ended with a row lost, wrong or too many


COUNTS: Final = [field.name for field in fields(Outcome) if field.type == "int"]


def log_of(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the keys and values of n ticks, in bursts of 500 to 5,000 ticks of one key."""
    rng = np.random.default_rng(seed)
    bursts = rng.integers(500, 5_000, n // 2_000)
    return np.repeat(rng.integers(0, KEYS, len(bursts)), bursts)[:n], rng.integers(0, 1 << 30, n)


def extend(key: int, state: State, values: np.ndarray) -> list[Row]:
    """Take a key's next ticks into its state and return the rows they complete."""
    rows = []
    for value in values.tolist():
        state[0] += 1
        state[1] = (state[1] * 31 + value) % (1 << 61)
        if state[0] % ROW_EVERY == 0:
            rows.append((key, state[0], state[1]))
    return rows


class Rows:
    """The store: keyed rows in SQLite, buffered until `flush`."""

    def __init__(self, path: Path, fails_at: float | None) -> None:
        """Open it; a flush after `fails_at` (monotonic seconds) raises."""
        self.fails_at = fails_at
        self._buffer: list[Row] = []
        self._db = sqlite3.connect(path)
        self._db.execute("PRAGMA synchronous = OFF")  # a killed process loses nothing by that, only a killed machine
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS rows (key INT, n INT, hash INT, rewritten INT DEFAULT 0, "
            "changed INT DEFAULT 0, PRIMARY KEY (key, n)) WITHOUT ROWID"
        )

    def append(self, rows: list[Row]) -> None:
        """Queue rows."""
        self._buffer += rows

    def flush(self) -> None:
        """Make them durable."""
        if self.fails_at is not None and time.monotonic() > self.fails_at:
            raise SinkFailure("planted")
        with self._db:
            self._db.executemany(
                "INSERT INTO rows (key, n, hash) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET "
                "rewritten = rewritten + 1, changed = changed + (hash <> excluded.hash), hash = excluded.hash",
                self._buffer,
            )
        self._buffer = []


class Log:
    """The source: a batch every second poll, so that about one comes each millisecond."""

    lanes = ("0",)

    def __init__(self, keys: np.ndarray, values: np.ndarray, batch_size: int, begun: Callable[[], None]) -> None:
        """Read from the start; say so by `begun` at the first poll."""
        self.keys, self.values, self.batch_size, self.begun = keys, values, batch_size, begun
        self.at, self._polls = 0, 0

    def read(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the next ticks, None at every second poll. Raises EndOfInput behind the last one."""
        if self._polls == 0:
            self.begun()
        self._polls += 1
        if self._polls % 2:
            return None
        if self.at >= len(self.keys):
            raise EndOfInput
        part = slice(self.at, self.at + self.batch_size)
        self.at = min(part.stop, len(self.keys))
        return self.keys[part], self.values[part]

    def next_batch(self) -> Arrivals | None:
        """Return the next ticks as our flow takes them."""
        read = self.read()
        if read is None:
            return None
        return Arrivals(ticks_of(len(read[0]), symbol=read[0], sequence=read[1]), ())

    def position(self) -> Snapshot:
        """Return the next tick."""
        return {"at": self.at}

    def seek(self, position: Snapshot) -> None:
        """Continue there."""
        self.at = position["at"]

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Name the log."""
        return ["log"] * len(offset), lane, offset

    def close(self) -> None:
        """Hold nothing."""


class Hashes:
    """Our station: the states of all keys, and the rows."""

    name = "hashes"

    def __init__(self, rows: Rows) -> None:
        """Start all keys."""
        self.rows, self.flushed = rows, 0
        self.states = [[0, 0] for _ in range(KEYS)]
        self._flush_at = 0.0

    def step(self, batch: Batch) -> Batch:
        """Take the ticks in; flush as often as a checkpoint is due."""
        if batch.arrivals is not None:
            ticks = batch.arrivals.ticks
            for key in np.unique(ticks.symbol).tolist():
                self.rows.append(extend(key, self.states[key], ticks.sequence[ticks.symbol == key]))
        if batch.last or time.monotonic() >= self._flush_at:
            self.rows.flush()
            self.flushed, self._flush_at = batch.number, time.monotonic() + EVERY
        return batch

    def snapshot(self) -> Snapshot:
        """Return the states."""
        return {"states": np.array(self.states, np.int64)}

    def restore(self, snapshot: Snapshot) -> None:
        """Take them over."""
        self.states = snapshot["states"].tolist()


def run_ours(folder: Path, log: Log, rows: Rows) -> None:
    """Run from our newest checkpoint to the end."""
    station = Hashes(rows)
    with closing(Checkpoints(folder / "checkpoints", lambda: station.flushed)) as checkpoints:
        pipeline = Pipeline(log, [station], "kills", checkpoints, EVERY)
        snapshot, complaints = checkpoints.newest()
        assert not complaints, complaints
        if snapshot is not None:
            pipeline.restore(snapshot)
            station.flushed = pipeline.number
        run_main(dataflow(pipeline, pipeline.finish))


class _Partition(StatefulSourcePartition[tuple[str, np.ndarray], int]):
    def __init__(self, log: Log) -> None:
        self.log = log

    def next_batch(self) -> list[tuple[str, np.ndarray]]:
        try:
            read = self.log.read()
        except EndOfInput:
            raise StopIteration from None
        if read is None:
            return []
        return [(str(key), read[1][read[0] == key]) for key in np.unique(read[0])]

    def snapshot(self) -> int:
        return self.log.at


@dataclass
class _Source(FixedPartitionedSource[tuple[str, np.ndarray], int]):
    log: Log

    def list_parts(self) -> list[str]:
        return ["log"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _Partition:
        self.log.at = resume_state or 0
        return _Partition(self.log)


class _Hash(StatefulBatchLogic[np.ndarray, Row, State]):
    def __init__(self, resumed: State | None) -> None:
        self.state = resumed or [0, 0]

    def on_batch(self, values: list[np.ndarray]) -> tuple[list[Row], bool]:
        return [row for part in values for row in extend(0, self.state, part)], False  # the key is in the stream

    def snapshot(self) -> State:
        return list(self.state)


class _Out(StatefulSinkPartition[Row, None]):
    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def write_batch(self, values: list[Row]) -> None:
        self.rows.append(values)

    def snapshot(self) -> None:
        self.rows.flush()


@dataclass
class _Sink(FixedPartitionedSink[Row, None]):
    rows: Rows

    def list_parts(self) -> list[str]:
        return ["rows"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Out:
        return _Out(self.rows)


def run_bytewax(folder: Path, log: Log, rows: Rows) -> None:
    """Run from Bytewax's newest epoch to the end. The sink flushes in `snapshot()`, as it must."""
    flow = Dataflow("kills")
    ticks = op.input("source", flow, _Source(log))
    hashed = op.stateful_batch("hashes", ticks, _Hash)
    keyed = op.map("key", hashed, lambda item: (item[0], (int(item[0]), *item[1][1:])))
    op.output("rows", keyed, _Sink(rows))
    run_main(
        flow,
        epoch_interval=timedelta(seconds=EVERY),
        recovery_config=RecoveryConfig(folder / "recovery", timedelta(0)),
    )


def run_scrubbed(folder: Path, log: Log, rows: Rows) -> None:
    """Remove what an uncommitted epoch left, then run: the control that shows where wrong rows come from."""
    with closing(sqlite3.connect(_store(folder))) as db, db:
        db.execute(f"DELETE FROM snaps WHERE snap_epoch >= ({FRONTIER})")
    run_bytewax(folder, log, rows)


WAYS: Final = {"ours": run_ours, "Bytewax": run_bytewax, "Bytewax, scrubbed": run_scrubbed}


def child(
    way: str, folder: Path, ticks: int, seed: int, batch_size: int, fails_after: float | None, begun: Any
) -> None:
    """One life of the process."""
    errors = os.open(folder / "errors.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(errors, 2)
    keys, values = log_of(ticks, seed)
    rows = Rows(folder / "rows.db", None if fails_after is None else time.monotonic() + fails_after)
    WAYS[way](folder, Log(keys, values, batch_size, begun.set), rows)


def live(way: str, folder: Path, ticks: int, seed: int, batch_size: int, kill: float | None, fail: float | None) -> int:
    """Start a child, kill it `kill` seconds behind its first poll, and return how it ended."""
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    process = context.Process(target=child, args=(way, folder, ticks, seed, batch_size, fail, begun))
    process.start()
    begun.wait(PATIENCE)
    process.join(PATIENCE if kill is None else kill)
    if process.is_alive():
        process.kill()
        process.join()
        if kill is None:
            raise TimeoutError(f"{way}: a run that nobody kills was not done in {PATIENCE} s")
    assert process.exitcode is not None
    return process.exitcode


def has_leftovers(folder: Path) -> bool:
    """Whether Bytewax's store holds state of the epoch it will resume at, or a later one."""
    if not _store(folder).exists():
        return False
    with closing(sqlite3.connect(_store(folder))) as db:
        [(n,)] = db.execute(f"SELECT count(*) FROM snaps WHERE snap_epoch >= ({FRONTIER})")
    return bool(n)


def _store(folder: Path) -> Path:
    return folder / "recovery" / "part-0.sqlite3"


def lives(kills: int, failing: bool, seed: int) -> Iterator[tuple[int, float | None, float | None]]:
    """Draw the batch size of each life, and when it is killed or, every second one where `failing`, its store fails."""
    rng = random.Random(seed)
    for k in range(kills):
        size, after = rng.choice([20, 60, 200, 600]), rng.uniform(*LIFE)
        yield (size, None, after) if failing and k % 2 == 0 else (size, after, None)


def kill_test(way: str, failing: bool, kills: int, ticks: int, seed: int, folder: Path) -> Outcome:
    """Kill one way `kills` times, let it finish, and compare."""
    folder.mkdir(parents=True)
    if way != "ours":
        (folder / "recovery").mkdir()
        init_db_dir(folder / "recovery", 1)
    outcome = Outcome(way, "store fails, then SIGKILL" if failing else "SIGKILL")
    for batch_size, kill, fail in lives(kills, failing, seed):
        code = live(way, folder, ticks, seed, batch_size, kill, fail)
        outcome.killed += code == -9
        outcome.failed += code > 0
        outcome.leftovers += has_leftovers(folder)
    code = live(way, folder, ticks, seed, 2_000, None, None)
    if code:
        raise RuntimeError(f"{way}: the last run ended with {code}, {(folder / 'errors.txt').read_text()[-2000:]}")
    compare(outcome, folder, log_of(ticks, seed))
    return outcome


def compare(outcome: Outcome, folder: Path, log: tuple[np.ndarray, np.ndarray]) -> None:
    """Count where the store differs from a plain loop over the log."""
    expected = {row[:2]: row[2] for key in range(KEYS) for row in extend(key, [0, 0], log[1][log[0] == key])}
    with closing(sqlite3.connect(folder / "rows.db")) as db:
        found = {(key, n): hashed for key, n, hashed in db.execute("SELECT key, n, hash FROM rows")}
        [(outcome.rewritten, outcome.changed)] = db.execute("SELECT sum(rewritten > 0), sum(changed > 0) FROM rows")
    outcome.rows = len(expected)
    outcome.lost = len(expected.keys() - found.keys())
    outcome.surplus = len(found.keys() - expected.keys())
    outcome.wrong = sum(found[at] != hashed for at, hashed in expected.items() if at in found)
    outcome.damaged = int(bool(outcome.lost or outcome.wrong or outcome.surplus))


def kill_tests(kills: int, seeds: Sequence[int], ticks: int, folder: Path) -> list[Outcome]:
    """Kill each way by SIGKILL alone, and by failures of the store and SIGKILL in turn, once a seed."""
    return [
        kill_test(way, failing, kills, ticks, seed, folder / f"{way}-{failing}-{seed}")
        for failing in (False, True)
        for way in WAYS
        for seed in seeds
    ]


def summed(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Add the runs of each way and fault up."""
    sums: dict[tuple[str, str], Outcome] = {}
    for outcome in outcomes:
        total = sums.setdefault((outcome.way, outcome.fault), Outcome(outcome.way, outcome.fault, runs=0))
        for name in COUNTS:
            setattr(total, name, getattr(total, name) + getattr(outcome, name))
    return list(sums.values())
