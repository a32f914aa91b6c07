"""The tables of docs/spectral-bias.md, put between its marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.spectral_bias.learning import Course
from benchmarks.spectral_bias.problem import Problem

BEGIN, END = "<!-- tables begin -->", "<!-- tables end -->"
Runs = Mapping[str, Mapping[str, Sequence[Course]]]  # amplitude -> net -> its courses, one a seed


def tables(problems: Mapping[str, Problem], runs: Runs, setting: str) -> str:
    """Return two tables in Markdown under a line about the setting: errors after the last step, and by frequency."""
    names = list(next(iter(runs.values())))
    k = len(next(iter(problems.values())).frequencies)
    thirds = [f"{name}, {part} third" for name in names for part in ("lowest", "highest")]
    seconds = {name: sum(c.seconds for row in runs.values() for c in row[name]) for name in names}
    lines = [
        setting, "",
        f"| amplitudes | {' | '.join(names)} | the first over the second | over the third |",
        "| --- |" + " --- |" * (len(names) + 2),
        *(_errors(amplitude, list(courses.values())) for amplitude, courses in runs.items()),
        "",
        f"Processor time of learning, in all: {', '.join(f'{name} {s:,.0f} s' for name, s in seconds.items())}.",
        "", f"| amplitudes | {' | '.join(thirds)} |", "| --- |" + " --- |" * len(thirds),
        *(_by_third(amplitude, list(courses.values()), k // 3) for amplitude, courses in runs.items()),
    ]  # fmt: skip
    return "\n".join(lines)


def _errors(amplitude: str, courses: Sequence[Sequence[Course]]) -> str:
    """Relative squared errors on the test points after the last step, one a seed; ratios of their geometric means."""
    last = [[course.test[-1] for course in seeds] for seeds in courses]
    means = [float(np.exp(np.mean(np.log(errors)))) for errors in last]
    cells = [", ".join(f"{error:.2g}" for error in errors) for errors in last]
    ratios = (f"{float(f'{means[0] / mean:.2g}'):,g}" for mean in means[1:])  # two digits, never 4.8e+02
    return f"| {amplitude} | {' | '.join((*cells, *ratios))} |"


def _by_third(amplitude: str, courses: Sequence[Sequence[Course]], third: int) -> str:
    """Mean error in the bands of the lowest and highest third of frequencies, over the seeds."""
    ends = [np.mean([course.by_frequency[-1] for course in seeds], axis=0) for seeds in courses]
    cells = [f"{part.mean():.2g}" for errors in ends for part in (errors[:third], errors[-third:])]
    return f"| {amplitude} | {' | '.join(cells)} |"


def write(path: Path, text: str) -> None:
    """Put the tables between the page's marks."""
    before, rest = path.read_text().split(BEGIN)
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}")
