"""From findings to an alert that is raised once and cleared once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_CALM: Final = 0.8  # of the bound: an alert ends below it, not at it
_APART: Final = 60 * 10**9  # ns: it changes no more often, however short the bars


class Verdict:
    """Raised after `confirm` windows in a row beyond `margin`, cleared after as many that are well below it."""

    def __init__(self, margin: float, confirm: int, persists: int) -> None:
        """Say so each time that it has been up for another `persists` windows."""
        self._margin, self._confirm, self._persists = margin, confirm, persists
        self.up, self.since = False, 0
        self._in_a_row = self._windows = 0

    def look(self, time: int, ratio: float) -> str:
        """Take a window's greatest ratio; return what changed with it: raised, cleared, persists or nothing ("")."""
        self._windows += self.up
        against = ratio < self._margin * _CALM if self.up else ratio > self._margin
        self._in_a_row = self._in_a_row + 1 if against else 0
        if self._in_a_row >= self._confirm and time >= self.since + _APART:
            self.up, self.since, self._in_a_row, self._windows = not self.up, time, 0, 0
            return "raised" if self.up else "cleared"
        return "persists" if self.up and self._windows and self._windows % self._persists == 0 else ""

    def snapshot(self) -> dict[str, Any]:
        """Return where it stands."""
        return {"up": self.up, "since": self.since, "in_a_row": self._in_a_row, "windows": self._windows}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take over."""
        self.up, self.since = bool(snapshot["up"]), int(snapshot["since"])
        self._in_a_row, self._windows = int(snapshot["in_a_row"]), int(snapshot["windows"])
