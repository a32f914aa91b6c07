"""Memory and rate of a training run as history grows: `python -m benchmarks.training_memory [--rows 40000,160000]`.

A process a size makes a market of 20 symbols and 64 columns in batches (never whole), builds the training set, and
trains a small GRU and LightGBM over two folds. Reported are the peak of the resident memory (ru_maxrss) beside that of
a process that has only imported everything, and rows a second of both halves.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.config import QUICK, SIGMA, NetConfig, TrainingConfig, TreesConfig, WalkForward
from models.data.dataset import DatasetBuilder, build_dataset
from models.runs.training import train
from ops.tables import print_table
from schema.bars import Bars, zero_bars
from schema.features import FeatureRows
from schema.timeframes import SECOND, parse_timeframe

SYMBOLS, COLUMNS = 20, 64
_BATCH = 400  # bar times
MEMORY = 64  # MB that may be resident of the training set
_START = 1_700_000_000 * SECOND


def history(rows: int) -> Iterator[tuple[Bars, FeatureRows]]:
    """Yield a random walk of one-second bars with columns of noise, one of them its volatility."""
    random, level = np.random.default_rng(7), np.zeros(SYMBOLS)
    for first in range(0, rows // SYMBOLS, _BATCH):
        shocks = 2e-4 * random.standard_normal((_BATCH, SYMBOLS))
        bars = zero_bars(_BATCH * SYMBOLS)
        bars.time[:] = np.repeat(_START + SECOND * np.arange(first + 1, first + _BATCH + 1), SYMBOLS)
        bars.start[:], bars.symbol[:] = bars.time - SECOND, np.tile(np.arange(SYMBOLS), _BATCH)
        bars.close[:] = bars.mid[:] = 100 * np.exp(level + np.cumsum(shocks, axis=0)).ravel()
        level = level + shocks.sum(axis=0)
        bars.session_open[:], bars.session_close[:] = _START, _START + 10**9 * SECOND
        values = random.standard_normal((len(bars.time), COLUMNS))
        values[:, 0] = 2e-4 * random.uniform(0.9, 1.1, len(values))
        yield bars, FeatureRows(values, np.zeros(values.shape, np.uint8))


def configuration(rows: int) -> TrainingConfig:
    """Two folds over the whole history: half of it, then three quarters, to fit on."""
    times = rows // SYMBOLS
    net = NetConfig(options={"hidden": 16}, epochs=2, chunk=64, streams=64, burn_in=32)
    trees = TreesConfig(mean_trees=10, variance_trees=10)
    walk = WalkForward(train=times - 1000, validation=400, step=200, folds=2)
    return replace(QUICK, nets=(net,), trees=(trees,), walk=walk, columns=32, primary=3, memory=MEMORY)


def one(rows: int) -> None:
    """Train once; print seconds and megabytes."""
    names = [SIGMA, *(f"noise_{k}" for k in range(1, COLUMNS))]
    idle, began = _peak(), time.perf_counter()
    prints = {name: f"{k:016x}" for k, name in enumerate(names)}
    dataset = build_dataset(history(rows), DatasetBuilder(names, prints, parse_timeframe("1s"), 0))
    built, at_build = time.perf_counter(), _peak()
    with tempfile.TemporaryDirectory(dir=".") as root:
        version = train(dataset, configuration(rows), Path(root))
        weights = (Path(root) / version / "metadata.json").read_text()
        sums = json.loads(weights)["checksums"]
    done = time.perf_counter()
    print(json.dumps({
        "rows": rows, "idle_mb": idle, "build_mb": at_build, "train_mb": _peak(), "checksums": sums,
        "build_rows_s": rows / (built - began), "train_rows_s": rows / (done - built),
    }))  # fmt: skip


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="40000,160000,640000")
    parser.add_argument("--one", type=int)
    asked = parser.parse_args()
    if asked.one:
        one(asked.one)
        return
    cells = []
    for rows in asked.rows.split(","):
        command = [sys.executable, "-m", "benchmarks.training_memory", "--one", rows]
        said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        cells.append((f"{said['rows']:,}", *(f"{said[key]:,.0f}" for key in
                      ("idle_mb", "build_mb", "train_mb", "build_rows_s", "train_rows_s"))))  # fmt: skip
    print_table(("rows", "imports, MB", "built, MB", "trained, MB", "rows/s built", "rows/s trained"), cells)


if __name__ == "__main__":
    main()
