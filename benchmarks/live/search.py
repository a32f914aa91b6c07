"""The saturation point: the highest rate that is sustained, found by trying."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

LAG_S: Final = 0.5  # how far behind a sustained run may be
GROWTH_S: Final = 0.1  # by how much that may grow over a third of the run


def sustained(lag: Sequence[float]) -> bool:
    """Say whether a lag (s behind the feed, sampled evenly over a run) stays small and doesn't grow.

    The last third is compared with the one before; medians, so that one stall doesn't decide.
    """
    third = len(lag) // 3
    if third < 2:
        raise ValueError(f"saturation: {len(lag)} samples of the lag, expected at least 6; run longer")
    before, last = _median(lag[third : 2 * third]), _median(lag[2 * third :])
    return last <= LAG_S and last - before <= GROWTH_S


def saturation(holds: Callable[[float], bool], first: float, factor: float, halvings: int) -> tuple[float, float]:
    """Return the highest rate that held, and the lowest that didn't.

    Rates rise by `factor` from `first` until one fails, or fall until one holds; then the gap is halved (in ratio)
    some times. Gives up (0, rate) where not even a sixteenth of `first` holds.
    """
    good, bad = 0.0, 0.0
    rate = first
    while not bad or not good:
        if holds(rate):
            good = rate
            rate = rate * factor
        else:
            bad = rate
            rate = rate / factor
            if rate < first / 16:
                return good, bad
        if good and bad:
            break
    for _ in range(halvings):
        rate = (good * bad) ** 0.5
        if holds(rate):
            good = rate
        else:
            bad = rate
    return good, bad


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
