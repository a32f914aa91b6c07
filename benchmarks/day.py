"""Replay a recorded day with null sinks; print the rate without start-up, and the memory after each replay."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import psutil

from benchmarks.setting import settings
from dataflows.assembly.assemble import assemble
from dataflows.sources.files import FileSource
from ops.commands.replay import drive
from ops.settings import Settings


def main() -> None:
    """Measure once, after a replay of a slice has loaded the compiled kernels."""
    parser = argparse.ArgumentParser()
    parser.add_argument("day", type=Path)
    parser.add_argument("--timeframe", default="1s")
    parser.add_argument("--engine", default="in-process")
    parser.add_argument("--models", type=Path)
    parser.add_argument("--times", type=int, default=1)
    options = parser.parse_args()
    chosen = settings(options.timeframe, options.models)
    _replay(chosen, options.day, "in-process", end_ns=_EARLY)
    rates, rss = [], []
    for _ in range(options.times):
        rates.append(_replay(chosen, options.day, options.engine))
        rss.append(psutil.Process().memory_info().rss / 2**20)
    print(json.dumps({"ticks_per_second": rates[-1], "rss_mb": rss}))


_EARLY = 1_381_222_800 * 1_000_000_000  # 2013-10-08T09:00Z, an hour into the day


def _replay(chosen: Settings, day: Path, engine: str, end_ns: int | None = None) -> float:
    flow = assemble(chosen, FileSource([day], end_ns=end_ns))
    began = time.perf_counter()
    try:
        drive(flow, engine)
        return flow.tally.counts.ticks_read / (time.perf_counter() - began)
    finally:
        flow.close()


if __name__ == "__main__":
    main()
