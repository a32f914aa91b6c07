"""Kill a dataflow again and again, resume it, and verify what it stored: `python -m tests.recovery.chaos --kills 200`.

Each round is a fresh dataflow over the same input, killed at every named point once (and more, as many as wanted) in
a random order, at random moments too, and twice between two checkpoints. Every life reads other batches. Then it is
let run to its end, and the verifier looks. A seed fixes points, counts and batch sizes; a kill at a random moment hits
what it hits.
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops import log
from tests.recovery import inputs, report, verifier
from tests.recovery.kill_points import DECISIONS, Plan, Points
from tests.recovery.life import Progress, files_in_batches, live_once
from tests.recovery.rigs import Rig

RANDOM = "a random moment"
AGAIN = "again, before a checkpoint counts"
COUNTS = {"polled": (1, 200), "rows appended": (1, 200), "store transaction open": (10, 80),
          "store written, not acknowledged": (4, 40), "rows handed to the spool": (1, 200),
          "feature rows queued, not delivered": (1, 200), "checkpoint half written": (2, 4),
          "checkpoint durable, not counting": (2, 4), "checkpoint counts, older ones there": (2, 4)}  # fmt: skip
BATCHES = (30, 60, 120, 250)  # ticks
EVERY = 0.05  # seconds between checkpoints
PATIENCE = 300.0  # seconds for what takes one on a machine that is not shared


class ChaosError(AssertionError):
    """A kill that didn't happen, a life without progress, or a fault that the verifier found."""


@dataclass
class Outcome:
    """What the kills came to."""

    seed: int
    rig: str
    kills: Counter[str] = field(default_factory=Counter)  # by point
    rounds: int = 0
    ended: int = 0  # lives that came to the end of the input before their kill
    checkpoints: int = 0  # that counted in lives that were killed
    batches: int = 0  # stepped in lives that were killed
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def killed(self) -> int:
        """How many kills happened."""
        return self.kills.total()


def live(
    rig: Rig, folder: Path, batch_size: int, plan: Plan | None, every: float, after: float | None
) -> tuple[int, Progress]:
    """Fork a life; kill it `after` seconds behind its first batch where that is given. Return its exit code."""
    progress = Progress()
    arguments = [*rig.arguments(folder), "--set", f"checkpoint.every_s={every}"]
    process = multiprocessing.get_context("fork").Process(
        target=live_once,
        args=(folder, arguments, plan, progress, rig.points, functools.partial(files_in_batches, batch_size)),
    )
    process.start()
    until = time.monotonic() + PATIENCE
    if after is not None:
        while progress.batch == progress.resumed and process.is_alive() and time.monotonic() < until:
            time.sleep(0.002)
        process.join(after)
        if process.is_alive():
            process.kill()
    process.join(PATIENCE)
    if process.is_alive():
        process.kill()
        raise ChaosError(f"a life of plan {plan} was not over in {PATIENCE:.0f} s")
    assert process.exitcode is not None
    return process.exitcode, progress


def newest(folder: Path) -> int:
    """Return the batch of the newest checkpoint that counts, -1 where there is none; the first is of batch 0."""
    return max((int(path.stem) for path in folder.glob("var/checkpoints/*/*.checkpoint")), default=-1)


def plans(rng: random.Random, kills: int, all_points: Points) -> list[str]:
    """Return the points of a round: all of them in random order, as often as it takes."""
    points: list[str] = []
    while len(points) < kills:
        rotation = [*(point for point in all_points if point not in DECISIONS), RANDOM, RANDOM, AGAIN]
        rng.shuffle(rotation)
        points += rotation
    first = [point for point in DECISIONS if point in all_points] or [RANDOM]  # there is nothing to restore yet
    return [rng.choice(first), *points][:kills]


def one_round(rig: Rig, folder: Path, rng: random.Random, kills: int, outcome: Outcome) -> dict[str, Any]:
    """Kill a fresh dataflow `kills` times, then let it end. Return the totals it prints."""
    rig.prepare(folder)
    for point in plans(rng, kills, rig.points):
        if not kill_once(rig, folder, rng, point, outcome):
            outcome.ended += 1
            break
    code, _ = live(rig, folder, 20_000, None, 1.0, None)
    if code:
        raise ChaosError(f"the last life ended with {code}: {(folder / 'errors.txt').read_text()[-2000:]}")
    outcome.rounds += 1
    totals: dict[str, Any] = json.loads((folder / "out.txt").read_text())
    return totals


def kill_once(rig: Rig, folder: Path, rng: random.Random, point: str, outcome: Outcome) -> bool:
    """Live until killed at the point. False where the input ended first."""
    before, every, after, plan = newest(folder), EVERY, None, None
    if point == RANDOM:
        after = rng.uniform(0.05, 0.4)
    elif point == AGAIN:  # no checkpoint in this life: the next one resumes where this one did
        plan, every = Plan("polled", rng.randint(20, 100)), 3600.0
    else:
        plan = Plan(point, rng.randint(*COUNTS.get(point, (1, 1))))
    code, progress = live(rig, folder, rng.choice(BATCHES), plan, every, after)
    if code == 0:
        return False
    if code != -signal.SIGKILL or (plan is not None and not progress.died_at_its_point):
        raise ChaosError(f"{point}: a life ended with {code}: {(folder / 'errors.txt').read_text()[-2000:]}")
    assert_progress(point, before, newest(folder), progress)
    outcome.kills[point] += 1
    outcome.checkpoints += progress.checkpoints
    outcome.batches += progress.batch - progress.resumed
    return True


def assert_progress(point: str, before: int, after: int, progress: Progress) -> None:
    """A life stepped batches, and where its point lies behind a checkpoint, one counted; but for a restore."""
    if point == AGAIN and after != before:
        raise ChaosError(f"{point}: a checkpoint counted, {after} behind {before}")
    if point == "half restored":
        return
    if progress.batch <= progress.resumed:
        raise ChaosError(f"{point}: killed at batch {progress.batch}, where it had resumed: nothing was proven")
    if point.startswith("checkpoint") and after <= before:
        raise ChaosError(f"{point}: no checkpoint newer than {before} counted")


def chaos(rig: Rig, folder: Path, kills: int, seed: int, a_round: int = 20) -> Outcome:
    """Kill `kills` times in rounds, verify each round. The outcome's `faults` are empty where all is well."""
    began, outcome = time.monotonic(), Outcome(seed, rig.name)
    whole = folder / "whole"
    rig.prepare(whole)
    code, _ = live(rig, whole, 7_000, None, 5.0, None)
    if code:
        raise ChaosError(f"the undisturbed run ended with {code}: {(whole / 'errors.txt').read_text()[-2000:]}")
    expected = json.loads((whole / "out.txt").read_text())
    number = 0
    while outcome.killed < kills and number < 2 + 4 * kills // a_round:
        number += 1
        place = folder / f"round-{number}"
        totals = one_round(rig, place, random.Random(f"{seed}-{number}"), min(a_round, kills - outcome.killed), outcome)
        outcome.faults += [f"round {number}: {fault}" for fault in verifier.faults(rig, place, totals, whole, expected)]
    outcome.seconds = time.monotonic() - began
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.recovery.chaos", description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--seconds", type=int, default=900, help="of market in the input")
    parser.add_argument("--store", choices=("sqlite", "questdb"), default="sqlite")
    parser.add_argument("--write", action="store_true", help="put the report into docs/chaos.md")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    log.configure("warning")
    print(f"seed {chosen.seed}", file=sys.stderr, flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as name,
        inputs.rig(chosen.store, Path(name), chosen.seconds) as rig,
    ):
        outcome = chaos(rig, Path(name), chosen.kills, chosen.seed)
    if chosen.json:
        print(json.dumps({**vars(outcome), "killed": outcome.killed}))
    else:
        print(report.text(outcome))
    if chosen.write:
        report.write(outcome)
    return 1 if outcome.faults or outcome.killed < chosen.kills else 0


if __name__ == "__main__":
    sys.exit(main())
