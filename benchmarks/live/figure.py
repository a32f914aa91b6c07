"""The curves as a picture: p50 and p99 against the load."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.live.results import Point

_TARGETS: Final = ((8.0, "8 ms"), (40.0, "40 ms"))
_COLOURS: Final = ("#1f4e79", "#c55a11", "#548235", "#7030a0")


def draw(curves: dict[str, list[Point]], path: Path) -> None:
    """Draw a PNG: each curve with a line of p50 and one of p99, loads in thousands of ticks a second."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5), dpi=120)
    for colour, (name, curve) in zip(_COLOURS, curves.items()):
        ordered = sorted(curve, key=lambda point: point.rate)
        load = [point.rate / 1e3 for point in ordered]
        axes.plot(load, [p.from_due.p99 for p in ordered], "o-", color=colour, label=f"{name}, p99")
        axes.plot(load, [p.from_due.p50 for p in ordered], "o--", color=colour, label=f"{name}, p50", alpha=0.6)
    for target, label in _TARGETS:
        axes.axhline(target, color="grey", linewidth=0.6, linestyle=":")
        axes.annotate(label, (0.995, target), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=7)
    axes.set(
        xscale="log", yscale="log", xlabel="load (thousand ticks/s)",
        ylabel="ms from the due arrival of the\nclosing event to Redis' subscriber",
    )  # fmt: skip
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(True, which="both", linewidth=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
