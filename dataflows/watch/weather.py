"""The market's weather: is volatility, over all symbols of a timeframe, other than it has been of late?

The level of a bar time is half the logarithm of the mean, over its rows, of present variance in units of the series'
own: 0.5 is a volatility 1.65 times the usual one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numba import njit

from dataflows.interfaces import Snapshot
from schema.ticks import Float64, Int64

NAMES: Final = ("calm", "usual", "wild")
_ENTER: Final = 0.5
_LEAVE: Final = 0.25
_IN_A_ROW: Final = 10  # bar times
_APART: Final = 60 * 10**9  # ns between two changes, at least


class Weather:
    """Changes where ten bar times in a row say so. A bar time counts when a later one has begun."""

    def __init__(self) -> None:
        """Begin in usual weather."""
        self._open = np.zeros(2)  # of the bar time that is not over: rows with a volatility, their sum
        self._time = np.zeros(1, np.int64)
        self._regime, self._in_a_row, self._changed = 1, 0, 0  # place in NAMES, bar times, ns UTC

    def add(self, time: Int64, volatility: Float64) -> Iterator[tuple[int, str, str, float]]:
        """Add rows (n,) in stream order; yield each change: bar time (ns UTC), weather before and after, level."""
        ended, means = np.empty(len(time), np.int64), np.empty(len(time))
        n = _close(time, volatility, self._time, self._open, ended, means)
        for at, mean in zip(ended[:n].tolist(), means[:n].tolist(), strict=True):
            level = 0.5 * math.log(mean) if mean > 0 else -math.inf
            wanted = self._wanted(level)
            self._in_a_row = self._in_a_row + 1 if wanted != self._regime else 0
            if self._in_a_row >= _IN_A_ROW and at >= self._changed + _APART:
                before, self._regime = self._regime, wanted
                self._in_a_row, self._changed = 0, at
                yield at, NAMES[before], NAMES[wanted], max(level, -9.0)

    def _wanted(self, level: float) -> int:
        if self._regime == 1:
            return 2 if level > _ENTER else (0 if level < -_ENTER else 1)
        return 1 if (level < _LEAVE if self._regime == 2 else level > -_LEAVE) else self._regime

    def snapshot(self) -> Snapshot:
        """Return the open bar time and where it stands."""
        return {
            "open": self._open, "time": self._time, "regime": self._regime, "in_a_row": self._in_a_row,
            "changed": self._changed,
        }  # fmt: skip

    def restore(self, snapshot: Snapshot) -> None:
        """Take over."""
        self._open, self._time = np.array(snapshot["open"]), np.array(snapshot["time"], np.int64)
        self._regime, self._in_a_row = int(snapshot["regime"]), int(snapshot["in_a_row"])
        self._changed = int(snapshot["changed"])


@njit(cache=True)
def _close(time, volatility, newest, opened, ended, means):  # type: ignore[no-untyped-def]
    """Sum row by row, so that a bar time has one sum whatever the batches are."""
    n = 0
    for k in range(len(time)):
        if time[k] != newest[0]:
            if opened[0] > 0:
                ended[n], means[n] = newest[0], opened[1] / opened[0]
                n += 1
            newest[0], opened[0], opened[1] = time[k], 0.0, 0.0
        if not np.isnan(volatility[k]):
            opened[0] += 1.0
            opened[1] += volatility[k]
    return n


def words(before: str, after: str, level: float) -> dict[str, Any]:
    """Return what an alert says of a change."""
    return {"from": before, "to": after, "volatility_ratio": round(math.exp(level), 3)}
