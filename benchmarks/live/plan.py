"""How long everything takes. On a quiet machine the default fits in 12 minutes, `--quick` in 6."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RATE: Final = 25_000.0  # ticks a second: what the targets of latency, outage and memory are given for


@dataclass(frozen=True)
class Plan:
    """Seconds and numbers of the measurements."""

    probe_s: float  # of each rate that is tried
    halvings: int  # of the gap between a rate that held and one that didn't
    steady_s: float  # at RATE, 1,000 bars closing together: latency, pauses, checkpoints, memory
    latency_s: float  # of each other line of latency
    backlog_s: float  # of outage
    staggered: tuple[float, ...]  # rates of the second curve


DEFAULT: Final = Plan(10.0, 2, 60.0, 25.0, 600.0, (12_500.0, 50_000.0, 100_000.0))
QUICK: Final = Plan(6.0, 1, 20.0, 15.0, 60.0, (50_000.0,))
