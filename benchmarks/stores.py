"""The QuestDB store under load: rows a second, and how long the tick path is held up while it is flushed.

    python -m benchmarks.stores                 # starts a QuestDB of its own in a temporary folder
    python -m benchmarks.stores --url questdb://127.0.0.1:9000

A stand-in for the tick path runs a pass of about 1 ms every 2 ms and notes how late each pass ends; meanwhile rows of
the table `features`, 763 columns wide, are written once a second: by nobody, by a thread of the process that encodes
and sends them, and by the store with its helper process. The hand-over itself is timed apart: it is part of the tick
path, and the same for both. All share the machine's cores with the server.
"""

from __future__ import annotations

import argparse
import contextlib
import queue
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from dataflows.sinks.columns import adopt
from dataflows.sinks.questdb.merging import Part
from dataflows.sinks.questdb.options import QuestDbOptions
from dataflows.sinks.questdb.ship import Shipper
from dataflows.sinks.questdb.store import QuestDbStore
from schema.questdb import questdb_address
from schema.tables import TABLES

FEATURES: Final = tuple(f"feature_{k}" for k in range(763))
START: Final = 1_381_239_000_000_000_000
PASS_S: Final = 0.002  # between two passes of the stand-in
WORK: Final = np.random.default_rng(1).normal(size=40_000)
Write = Callable[[int], None]


def wide(number: int, n: int) -> dict[str, Any]:
    """Make n rows of `features` of one bar time."""
    rng = np.random.default_rng(number)
    return {
        "time": np.full(n, START + number * 10**9), "symbol": [f"S{k:04d}" for k in range(n)], "timeframe": ["1m"] * n,
        "bar_sequence": np.full(n, number), "fingerprint": ["f" * 16] * n,
        "validity": np.zeros((n, len(FEATURES)), np.uint8), "values": rng.normal(size=(n, len(FEATURES))),
    }  # fmt: skip


def passes(seconds: float, due: Write | None, n: int) -> dict[str, float]:
    """Run passes for some seconds, call `due` once a second, and return percentiles of how late passes end (ms)."""
    late, held, number = [], [], 0
    begin = time.perf_counter()
    following, writing = begin, begin + 0.5
    while (now := time.perf_counter()) < begin + seconds:
        if due is not None and now >= writing:
            number += 1
            due(number)
            held.append(time.perf_counter() - now)
            writing += 1.0
            following = max(following, time.perf_counter())
            continue
        if now < following:
            time.sleep(following - now)
        began = max(following, now)
        for _ in range(8):  # short numpy calls with Python between them, as a pass of the stations is
            float(np.add.reduce(WORK * 1.0001))
        late.append(time.perf_counter() - began)
        following += PASS_S
    p50, p99, p999 = np.percentile(late, (50, 99, 99.9)) * 1e3
    found = {"p50": p50, "p99": p99, "p99.9": p999, "max": max(late) * 1e3}
    return found | ({"handed over in": float(np.median(held)) * 1e3} if held else {})


class ThreadWriter:
    """What the store would be with a thread instead of a process: the same encoding, the same requests."""

    def __init__(self, url: str, namespace: str) -> None:
        self._shipper = Shipper(questdb_address(url), namespace, FEATURES)
        self._queue: queue.SimpleQueue[Part | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def write(self, columns: dict[str, Any]) -> None:
        own, n = adopt(TABLES["features"], FEATURES, columns)
        self._queue.put(Part("features", own, n))

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        self._shipper.close()

    def _run(self) -> None:
        while (part := self._queue.get()) is not None:
            self._shipper.ship([part])


def rate(store: QuestDbStore, table: str, make: Callable[[int], dict[str, Any]], batches: int) -> tuple[float, float]:
    """Return rows a second until acknowledged, and until they can be read."""
    made = [make(k) for k in range(batches)]
    n = batches * len(next(iter(made[0].values())))
    began = time.perf_counter()
    for number, columns in enumerate(made, 1):
        store.append(table, columns, number)
        store.commit(number)
    store.flush()
    acknowledged = time.perf_counter() - began
    list(store.query(f"SELECT count() AS n FROM {table}"))
    return n / acknowledged, n / (time.perf_counter() - began)


def bars(number: int, n: int = 1_000) -> dict[str, Any]:
    """Make n bars of one bar time."""
    floats = [name for name, kind in TABLES["bars"].columns.items() if kind == "float"]
    ints = [name for name, kind in TABLES["bars"].columns.items() if kind == "int"]
    time_ = np.full(n, START + number * 10**9)
    return {
        "time": time_, "start": time_ - 10**9, "symbol": [f"S{k:04d}" for k in range(n)], "timeframe": ["1s"] * n,
        **dict.fromkeys(floats, np.full(n, 60_000.01)), **dict.fromkeys(ints, np.full(n, number)),
    }  # fmt: skip


@contextlib.contextmanager
def server(url: str | None, folder: Path) -> Iterator[str]:
    """Give the URL, or start a server of our own."""
    if url is not None:
        yield url
        return
    from tests.servers import running_questdb

    with running_questdb(folder) as running:
        yield f"{running.questdb.url}?pg={running.questdb.pg}"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each way")
    parser.add_argument("--rows", type=int, default=1_000, help="of a flush")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, server(asked.url, Path(name) / "server") as url:
        store = QuestDbStore(url, f"b{uuid.uuid4().hex[:10]}", FEATURES, QuestDbOptions(Path(name) / "spool"))
        write(f"{asked.rows} rows of {len(FEATURES)} features once a second, {asked.seconds:g} s each; passes, ms late")
        show("nobody writes", passes(asked.seconds, None, asked.rows))
        thread = ThreadWriter(url, store.namespace)
        ahead = [wide(k, asked.rows) for k in range(4)]
        thread.write(ahead[0])
        show("a thread", passes(asked.seconds, lambda k: thread.write(ahead[k % 4]), asked.rows))
        thread.close()

        def helper(number: int) -> None:
            store.append("features", ahead[number % 4], number)
            store.commit(number)

        helper(1)
        store.flush()
        show("the helper process", passes(asked.seconds, helper, asked.rows))
        store.flush()
        for label, table, make, batches in (
            ("bars, 1,000 a batch", "bars", bars, 100),
            (f"features, {asked.rows} a batch", "features", lambda k: wide(10 + k, asked.rows), 10),
        ):
            taken, seen = rate(store, table, make, batches)
            write(f"{label}: {taken:,.0f} rows/s acknowledged, {seen:,.0f} rows/s until they can be read")
        store.close()


def show(name: str, found: dict[str, float]) -> None:
    """Print one line of percentiles."""
    write(f"  {name:20s}" + "  ".join(f"{key} {value:7.2f}" for key, value in found.items()))


def write(line: str) -> None:
    """Print at once."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
