"""Measure the live system on this machine and print the card.

    python -m benchmarks.live [--quick | --hour] [--write] [--json FILE]

Kafka, QuestDB, Redis, a feed, the dataflow (`undertone run`) and a subscriber run beside each other and share the
machine's cores. Nothing is asserted: targets stand beside the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

from benchmarks.card import LIVE_MARKS, ROOT, machine, write
from benchmarks.live import models
from benchmarks.live.figure import draw
from benchmarks.live.page import FIGURE, page
from benchmarks.live.plan import DEFAULT, QUICK
from benchmarks.live.run import STAGGERED_BARS, Run
from benchmarks.live.world import world


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that the servers are ended
    began, load = time.monotonic(), os.getloadavg()[0]
    plan = QUICK if options.quick else DEFAULT
    steady_s = 3_600.0 if options.hour else options.steady or plan.steady_s
    versions = {timeframe: models.champions(options.models, timeframe) for timeframe in ("1s", STAGGERED_BARS)}
    if options.prepare:
        return
    with world(options.models, options.symbols, options.faults) as servers:
        results = Run(servers, versions, plan, steady_s).everything()
    minutes = (time.monotonic() - began) / 60
    head = (
        f"{machine(load)}, shared by Kafka, QuestDB, Redis, the feed, the dataflow and the subscriber; "
        f"{options.symbols:,} symbols, reorder bound 100 ms in all runs, {minutes:.0f} minutes"
        f"{' (--quick: short runs)' if options.quick else ''}"
        f"{f', {options.faults:.1%} of the ticks broken' if options.faults else ''}."
    )
    text = page(results, head, options.write)
    print(f"\n{text}")
    if options.json is not None:
        options.json.write_text(json.dumps({"head": head, **results.to_json()}, indent=1))
    if options.write:
        if results.curves:
            draw(results.curves, ROOT / "benchmarks" / FIGURE)
        write(text, LIVE_MARKS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="short runs, about six minutes")
    parser.add_argument("--hour", action="store_true", help="an hour at 25,000 ticks/s, for the memory's slope")
    parser.add_argument("--steady", type=float, metavar="S", help="so many seconds at 25,000 ticks/s instead")
    parser.add_argument("--write", action="store_true", help="put card and figure into benchmarks/")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured")
    parser.add_argument("--symbols", type=int, default=1_000)
    parser.add_argument("--faults", type=float, default=0.0, help="share of broken ticks; with any, some come late")
    parser.add_argument("--models", type=Path, default=ROOT / "var" / "bench-live" / "models", metavar="DIR")
    parser.add_argument("--prepare", action="store_true", help="only train the models, so that no run waits for it")
    return parser


if __name__ == "__main__":
    main()
