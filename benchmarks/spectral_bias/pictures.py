"""Figures of the study: error against training steps, and error by frequency over them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from benchmarks.spectral_bias.learning import Course
from benchmarks.spectral_bias.problem import Problem

Runs = Mapping[str, Mapping[str, Course]]  # amplitude -> net -> its course
_COLOURS = ("tab:red", "tab:blue", "tab:green")


def draw(path: Path, problems: Mapping[str, Problem], runs: Runs) -> None:
    """Write one picture: a row an amplitude; curves first, then a heat map for each net."""
    names = list(next(iter(runs.values())))
    size = (4.2 * (len(names) + 1), 2.9 * len(runs))
    figure, axes = plt.subplots(len(runs), len(names) + 1, figsize=size, squeeze=False, layout="constrained")
    for row, (amplitude, courses) in zip(axes, runs.items()):
        _curves(row[0], amplitude, courses)
        for axis, (name, course) in zip(row[1:], courses.items()):
            image = _heat(axis, f"{amplitude}: {name}", problems[amplitude], course)
    figure.colorbar(image, ax=axes[:, 1:], shrink=0.5, label="squared error in the band / power in the band")
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _curves(axis: Any, amplitude: str, courses: Mapping[str, Course]) -> None:
    for colour, (name, course) in zip(_COLOURS, courses.items()):
        share = np.array(course.step) / course.step[-1]
        axis.semilogy(share, course.test, color=colour, label=name)
        axis.semilogy(share, course.train, color=colour, alpha=0.35)
    axis.set(title=f"{amplitude} amplitudes", xlabel="share of the run", ylabel="relative squared error")
    axis.legend(fontsize=7, loc="lower left")


def _heat(axis: Any, title: str, problem: Problem, course: Course) -> Any:
    errors = np.clip(np.array(course.by_frequency), 1e-4, 1)  # (looks, K)
    half = (problem.frequencies[1] - problem.frequencies[0]) / 2
    extent = (problem.frequencies[0] - half, problem.frequencies[-1] + half, 0, course.step[-1])
    image = axis.imshow(
        errors, origin="lower", aspect="auto", extent=extent, cmap="magma", norm=matplotlib.colors.LogNorm(1e-3, 1)
    )
    axis.set(title=title, xlabel="frequency, periods on [0, 1]", ylabel="steps")
    axis.title.set_fontsize(9)
    return image
