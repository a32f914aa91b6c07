"""The embedded store between processes: read while written, killed while written."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from dataflows.sinks.sqlite import SqliteStore
from tests.sinks.rows import bars_of

ROWS = 50  # a batch
WRITER = f"""
import sys
from dataflows.sinks.sqlite import SqliteStore
from tests.sinks.rows import bars_of
store = SqliteStore(sys.argv[1])
number = int(sys.argv[2])
while True:
    number += 1
    store.append("bars", bars_of({ROWS}, {ROWS} * number), number)
    store.commit(number)
    print(store.acknowledged(), flush=True)
"""


def start_writer(path: Path, number: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(number)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."})
    assert process.stdout is not None
    return process


def read_until(process: subprocess.Popen[str], number: int) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= number:
            return int(line)
    raise AssertionError("the writer ended early")


def kill(process: subprocess.Popen[str]) -> int:
    """Kill it and return the last acknowledgement it had seen."""
    process.send_signal(signal.SIGKILL)
    left, _ = process.communicate()
    return int(left.split()[-1]) if left.split() else 0


def test_another_process_reads_whole_batches_while_one_writes(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    process = start_writer(path, 0)
    read_until(process, 1)
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    counts: list[int] = []
    end = time.monotonic() + 30.0
    while time.monotonic() < end and len(set(counts)) < 5:
        counts.append(reader.execute("SELECT count(*) FROM bars").fetchone()[0])
    kill(process)
    reader.close()
    assert len(set(counts)) >= 5, "the reader has to see the store grow"
    assert counts == sorted(counts) and not any(count % ROWS for count in counts)


def test_a_killed_writer_leaves_a_store_that_goes_on_without_loss_or_repeat(tmp_path: Path) -> None:
    path, resumed_at = tmp_path / "store.db", 0
    for _ in range(3):
        process = start_writer(path, resumed_at)
        seen = read_until(process, resumed_at + 3)
        acknowledged = max(seen, kill(process))
        store = SqliteStore(path)
        committed = store.last_committed()
        times = [row["time"] for row in store.query("SELECT time FROM bars ORDER BY time")]
        store.close()
        expected = [int(t) for k in range(1, committed + 1) for t in bars_of(ROWS, ROWS * k)["time"]]
        assert committed >= acknowledged > resumed_at
        assert times == expected, json.dumps([len(times), len(expected)])
        resumed_at = committed - 2  # as from an older checkpoint: the last batches are written again
