"""Chaos over the real stack: `python -m tests.recovery.full --kills 60 --steps 60 --write`.

Kills of one process that does everything, kills of three feature processes and one of inference, and random actions.
The seed is printed, and so is the script of the random actions before it is run; `--script FILE` runs one again.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ops import log
from tests.recovery import inputs, report
from tests.recovery.fuzz import Fuzz, Fuzzed
from tests.recovery.script import MODELS, Action, drawn
from tests.recovery.stack import FAMILIES, Stack, running
from tests.recovery.stack_chaos import NAMES, chaos

FUZZ = "fuzz"
PARTS = (*NAMES, FUZZ)


def kills(stack: Stack, folder: Path, topology: str, chosen: argparse.Namespace) -> dict[str, Any]:
    """Kill a topology's processes, and report."""
    outcome = chaos(stack, folder, topology, chosen.kills, chosen.seed, chosen.round)
    print(report.text(outcome), file=sys.stderr, flush=True)
    if chosen.write:
        report.write(outcome)
    return {**vars(outcome), "killed": outcome.killed}


def actions(stack: Stack, folder: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """Run a script of random actions, and report."""
    lines = chosen.script.read_text().splitlines() if chosen.script else []
    script = [Action.parse(line) for line in lines if line.strip()] or list(drawn(chosen.seed, chosen.steps))
    print("script:", *script, sep="\n", file=sys.stderr, flush=True)
    outcome: Fuzzed = Fuzz(stack, folder / FUZZ, chosen.seed).run(script)
    print(report.fuzzed(outcome), file=sys.stderr, flush=True)
    if chosen.write:
        report.write_fuzzed(outcome)
    return vars(outcome)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; what was found goes to stderr, with --json to stdout as well."""
    parser = argparse.ArgumentParser(prog="python -m tests.recovery.full", description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=60, help="of each topology")
    parser.add_argument("--round", type=int, default=40, help="kills of a dataflow")
    parser.add_argument("--steps", type=int, default=60, help="random actions")
    parser.add_argument("--script", type=Path, help="actions, one a line as printed, instead of those of the seed")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 20))
    parser.add_argument("--only", choices=PARTS, action="append", help="all by default")
    parser.add_argument("--write", action="store_true", help="put the report into docs/chaos.md")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    log.configure("warning")
    print(f"seed {chosen.seed}", file=sys.stderr, flush=True)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        folder = Path(name)
        registry = inputs.small_model(folder, FAMILIES, MODELS)
        with running(folder / "servers", registry) as stack:
            for part in chosen.only or PARTS:
                found[part] = actions(stack, folder, chosen) if part == FUZZ else kills(stack, folder, part, chosen)
    if chosen.json:
        print(json.dumps(found))
    return 1 if any(outcome["faults"] for outcome in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
