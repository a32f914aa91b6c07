"""Which series a name means and what a series is called, over event time.

A *series* is all that is remembered of one instrument, by the id of its first name. A name means the series of its own
id until a rename says otherwise; at each time names and series are matched one to one, so that both ways are exact.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dataflows.interfaces import Snapshot
from schema.ticks import NO_SYMBOL, Bool, Int32, Int64


@dataclass(slots=True)
class _Past:
    """What held since when: values by time (ns UTC), each until the next."""

    times: list[int] = field(default_factory=list)
    values: list[int] = field(default_factory=list)

    def at(self, time: int, before: int) -> int:
        """Return the value at a time; `before` the first one, that."""
        k = bisect.bisect_right(self.times, time)
        return self.values[k - 1] if k else before

    def say(self, time: int, value: int) -> None:
        """Let a value hold from a time on, no earlier than the last one."""
        if self.times and self.times[-1] == time:
            self.values[-1] = value
        else:
            self.times.append(time)
            self.values.append(value)


class Renames:
    """Names and series in the order of event time. Truthy once something was renamed.

    A name that was given up and taken by nobody is *closed*: the series that it stands for is one without history,
    which begins when the name is listed anew. Renames are rare: plain Python a renamed symbol, nothing a tick.
    """

    def __init__(self) -> None:
        """Begin with every name its own series'."""
        self._means: dict[int, _Past] = {}  # name -> series; its complement (~) while the name is closed
        self._called: dict[int, _Past] = {}  # series -> name

    def __bool__(self) -> bool:
        """Whether anything was renamed."""
        return bool(self._means)

    def series(self, name: int, time: int) -> int:
        """Return the series that a name (an id) means at a time, NO_SYMBOL while it is closed."""
        return max(self._meant(name, time), NO_SYMBOL)

    def name(self, series: int, time: int) -> int:
        """Return what a series is called at a time."""
        return self._called[series].at(time, series) if series in self._called else series

    def is_closed(self, name: int, time: int) -> bool:
        """Return whether a name was given up and is nobody's."""
        return self._meant(name, time) < 0

    def since(self, name: int, time: int) -> int:
        """Return when (ns UTC) what a name means at a time began, 0 if it always did."""
        past = self._means.get(name, _Past())
        k = bisect.bisect_right(past.times, time)
        return past.times[k - 1] if k else 0

    def last_meant(self, name: int, time: int) -> int:
        """Return the series that a name means, or meant until it was closed."""
        past = self._means.get(name, _Past())
        values = past.values[: bisect.bisect_right(past.times, time)]
        return next((value for value in reversed(values) if value >= 0), name)

    def move(self, moves: Mapping[int, int], time: int) -> None:
        """Let the series called `old` be called `new` from a time on, for all pairs at once.

        No two have the same `new`, and one that is no `old` stands for a series without history. It gets a name that
        was given up, which is closed.
        """
        freed = [old for old in moves if old not in moves.values()]
        spare = [self._own(new, time) for new in moves.values() if new not in moves]
        meant = {new: self._own(old, time) for old, new in moves.items()}
        for name, series in meant.items():
            self._say(name, series, time)
        for name, series in zip(freed, spare, strict=True):
            self._say(name, series, time)
            self._means[name].say(time, ~series)

    def list_anew(self, name: int, time: int) -> None:
        """Let a closed name be that of a new series from a time on."""
        self._say(name, self._own(name, time), time)

    def as_series(self, names: Int32, times: Int64) -> Int32:
        """Return the series of each name (n,) at its time (n,) in ns UTC; these themselves where none was renamed."""
        return _mapped(names, times, self._means)

    def as_names(self, series: Int32, times: Int64) -> Int32:
        """Return what each series (n,) is called at its time (n,): the inverse of `as_series`."""
        return _mapped(series, times, self._called)

    def closed(self, names: Int32, times: Int64) -> Bool:
        """Return a mask (n,) of the names that are closed at their time."""
        shut = np.zeros(len(names), np.bool_)
        for name, past in self._means.items():
            rows = np.flatnonzero(names == name)
            values = np.array([0, *past.values])
            shut[rows] = values[np.searchsorted(past.times, times[rows], side="right")] < 0
        return shut

    def _meant(self, name: int, time: int) -> int:
        return self._means[name].at(time, name) if name in self._means else name

    def _own(self, name: int, time: int) -> int:
        """Return the series that a name stands for, closed or not."""
        meant = self._meant(name, time)
        return meant if meant >= 0 else ~meant

    def _say(self, name: int, series: int, time: int) -> None:
        self._means.setdefault(name, _Past()).say(time, series)
        self._called.setdefault(series, _Past()).say(time, name)

    def snapshot(self) -> Snapshot:
        """Return who was called what since when."""
        return {"means": _rows(self._means), "called": _rows(self._called)}

    def restore(self, snapshot: Snapshot) -> None:
        """Continue there."""
        self._means, self._called = _pasts(snapshot["means"]), _pasts(snapshot["called"])


def _mapped(ids: Int32, times: Int64, pasts: Mapping[int, _Past]) -> Int32:
    """Return what each id (n,) was at its time."""
    touched = np.flatnonzero(np.isin(ids, list(pasts))) if pasts else np.zeros(0, np.int64)
    if not len(touched):
        return ids
    found = ids.copy()
    for number in np.unique(ids[touched]).tolist():
        rows, past = touched[ids[touched] == number], pasts[number]
        values = np.array([number, *(max(value, ~value) for value in past.values)], np.int32)
        found[rows] = values[np.searchsorted(past.times, times[rows], side="right")]
    return found


def _rows(pasts: Mapping[int, _Past]) -> list[list[int]]:
    return [[k, *since] for k, past in pasts.items() for since in zip(past.times, past.values, strict=True)]


def _pasts(rows: list[list[int]]) -> dict[int, _Past]:
    pasts: dict[int, _Past] = {}
    for k, time, value in rows:
        pasts.setdefault(int(k), _Past()).say(int(time), int(value))
    return pasts
