"""Our checkpoints against Bytewax's own recovery: `python -m benchmarks.checkpoints [--quick] [--json]`.

What they cost (stall, size, restore) over the real state, and what a kill leaves behind. The first ADR rests on it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.checkpoint_costs import Cost, measure
from benchmarks.checkpoint_kills import Outcome, kill_tests, summed


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    chosen = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        outcomes = _kills(chosen, Path(folder)) if chosen.part != "costs" else []  # first: it forks
        costs = _costs(chosen, Path(folder)) if chosen.part != "kills" else []
    if chosen.json:
        print(json.dumps({"machine": machine(), "costs": _plain(costs), "kills": _plain(outcomes)}))
        return
    print(machine())
    if costs:
        print(table(["way", "symbols", "every", "count", "stall", "worst", "first", "durable", "restore", "size"],
                    [_cost_row(cost) for cost in costs]))  # fmt: skip
    if outcomes:
        print(table(["way", "fault", "killed", "failed", "leftovers", "rows", "again", "changed", "lost", "wrong",
                     "surplus", "damaged"], [_outcome_row(outcome) for outcome in outcomes]))  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkpoints", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer symbols, kills and seconds: under 40 s")
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--part", choices=["costs", "kills"], help="only this part")
    parser.add_argument("--seeds", type=int, default=1, help="runs of the kill test a way and fault")
    return parser


def _costs(chosen: argparse.Namespace, folder: Path) -> list[Cost]:
    if chosen.quick:
        return measure([100], [0.2], 1.0, folder)
    return measure([4, 100, 1_000], [1.0, 0.2], 2.4, folder)


def _kills(chosen: argparse.Namespace, folder: Path) -> list[Outcome]:
    kills, ticks = (5, 60_000) if chosen.quick else (20, 500_000)
    return summed(kill_tests(kills, range(1, chosen.seeds + 1), ticks, folder))


def machine() -> str:
    """Describe where this was measured."""
    load = os.getloadavg()[0]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return (
        f"{_processor()}, {os.cpu_count()} cores, load {load:.1f}; Python {platform.python_version()}, "
        f"Bytewax {version('bytewax')}, commit {commit or 'unknown'}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay rows out in columns, as Markdown."""
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n" + "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |" for line in lines)


def _cost_row(cost: Cost) -> list[str]:
    times = [_ms(value) for value in (cost.stall, cost.worst, cost.first, cost.durable, cost.restore)]
    return [
        cost.way,
        str(cost.symbols),
        f"{cost.every:g} s",
        str(cost.checkpoints),
        *times,
        f"{cost.bytes / 1e6:.2f} MB",
    ]


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} ms"


def _outcome_row(outcome: Outcome) -> list[str]:
    counts = (outcome.killed, outcome.failed, outcome.leftovers, outcome.rows, outcome.rewritten, outcome.changed,
              outcome.lost, outcome.wrong, outcome.surplus)  # fmt: skip
    return [outcome.way, outcome.fault, *(str(n) for n in counts), f"{outcome.damaged} of {outcome.runs} runs"]


def _plain(results: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(result) for result in results]


if __name__ == "__main__":
    main()
