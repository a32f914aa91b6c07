"""Does learning by grades reach high frequencies that one deep net doesn't? On sums of sines, as the paper asks it.

    python -m benchmarks.spectral_bias [--full] [--seeds N] [--only AMPLITUDE ..] [--write]

Three ways of learning the same function of each kind of amplitude, with the same batches and rates: one net of 8
hidden layers of 256; four grades of 2 that share its number of steps; and four grades that each have that number, as
the paper gives them (a step of a grade costs about a quarter). Scaled, a seed takes about 10 minutes on one idle core:
the frequencies 1, 2, .. 20 for the paper's 10, 20, .. 200 and 600 points for 6,000, so that the shortest period has
30 points as there, and 4,000 steps. `--full` is the paper's size, 30,000 epochs: hours a function on a CPU.
What is done is kept in var/spectral_bias and not done again: a run may be broken off, or `--only` share the work out.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Final

import numpy as np
import torch

from benchmarks.card import ROOT
from benchmarks.spectral_bias.learning import GRADES, Course, Schedule, deep, graded
from benchmarks.spectral_bias.page import tables, write
from benchmarks.spectral_bias.pictures import draw
from benchmarks.spectral_bias.problem import AMPLITUDES, Problem, make_problem

BATCH: Final = 256
NAMES: Final = ("one deep net", "grades, same steps in all", "grades, same steps each")


def learn(problem: Problem, schedule: Schedule, seeds: int) -> dict[str, list[Course]]:
    """Learn a function in the three ways, each with the seeds 1 .. `seeds`."""
    longer = replace(schedule, steps=GRADES * schedule.steps)
    ways = dict(zip(NAMES, ((deep, schedule), (graded, schedule), (graded, longer))))
    return {name: [_kept(problem, *way, seed) for seed in range(1, seeds + 1)] for name, way in ways.items()}


def _kept(problem: Problem, way: Callable[..., Course], schedule: Schedule, seed: int) -> Course:
    """Return what was kept of a run, or run it and keep it."""
    name = f"{problem.amplitude}-{problem.frequencies[-1]}-{way.__name__}-{schedule.steps}-{seed}"
    path = ROOT / "var" / "spectral_bias" / f"{name}.json"
    if not path.exists():
        course = way(problem, schedule, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(course)))
    course = Course(**json.loads(path.read_text()))
    print(f"{name}: {course.test[-1]:.3g} after {course.seconds:.0f} s", flush=True)
    return course


def main() -> None:
    """Run the study and print its tables."""
    parser = argparse.ArgumentParser(description="Spectral bias: one deep net beside four grades.")
    parser.add_argument("--full", action="store_true", help="the paper's size: hours")
    parser.add_argument("--seeds", type=int, default=1, help="how many runs of each (1)")
    parser.add_argument("--only", nargs="+", choices=AMPLITUDES, default=AMPLITUDES, help="some of the functions")
    parser.add_argument("--write", action="store_true", help="put tables and figure into docs/")
    options = parser.parse_args()
    torch.set_num_threads(1)
    spacing, n = (10, 6_000) if options.full else (1, 600)
    schedule = Schedule(steps=30_000 * (n // BATCH) if options.full else 4_000, batch=BATCH)
    frequencies = spacing * np.arange(1, 21)
    problems = {amplitude: make_problem(amplitude, frequencies, n) for amplitude in options.only}
    runs = {amplitude: learn(problem, schedule, options.seeds) for amplitude, problem in problems.items()}
    setting = (
        f"Frequencies {frequencies[0]}, {frequencies[1]}, .. {frequencies[-1]}, {n:,} points, {schedule.steps:,} steps "
        f"of {BATCH}, rate {schedule.fast:g} to {schedule.slow:g}, {options.seeds} seed{'s' * (options.seeds > 1)}; "
        f"{datetime.now(UTC):%Y-%m-%d}, one core of {os.cpu_count()}, torch {torch.__version__}, load average "
        f"{os.getloadavg()[0]:.1f} when it ended."
    )
    text = tables(problems, runs, setting)
    print(text)
    if options.write:
        write(ROOT / "docs" / "spectral-bias.md", text)
        first = {amplitude: {name: c[0] for name, c in courses.items()} for amplitude, courses in runs.items()}
        draw(ROOT / "docs" / "spectral-bias.png", problems, first)


if __name__ == "__main__":
    main()
