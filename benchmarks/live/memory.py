"""Memory over a window: its maximum and its slope."""

from __future__ import annotations

import numpy as np

from benchmarks.live.results import Line

_SETTLING: float = 0.2  # share of the window that the slope leaves out


def line(samples: list[tuple[float, float, float]], tables: str) -> Line:
    """Return the line of samples (s, MB of the dataflow, MB of its helper process)."""
    seconds, own, helper = np.array(samples).T
    rest = seconds >= seconds[0] + _SETTLING * (seconds[-1] - seconds[0])
    slope = slope_per_hour(seconds[rest], own[rest])
    minutes = (seconds[-1] - seconds[0]) / 60
    measured = (
        f"at most {own.max():,.0f} MB (and {helper.max():,.0f} MB of the store's helper process) over {minutes:.1f} "
        f"minutes, from {own[0]:,.0f} to {own[-1]:,.0f} MB, slope {slope:+,.0f} MB/h behind the first fifth"
    )
    values = {
        "most_mb": float(own.max()), "helper_most_mb": float(helper.max()), "slope_mb_per_hour": slope,
        "minutes": minutes, "first_mb": float(own[0]), "last_mb": float(own[-1]),
    }  # fmt: skip
    return Line("memory (RSS), 1,000 symbols", tables, measured, "1,500 MB, flat over an hour", values)


def slope_per_hour(seconds: np.ndarray, mb: np.ndarray) -> float:
    """Return the least-squares slope in MB an hour, 0 of fewer than two samples."""
    if len(seconds) < 2:
        return 0.0
    centred = seconds - seconds.mean()
    return float(centred @ (mb - mb.mean()) / (centred @ centred)) * 3600
