"""Tables: large arrays of which a batch changes few slots, and copies of them that a snapshot only brings up to date.

A checkpoint is copied while the source waits. Of its 124 MB for 1,000 symbols 72 are the season's tables and the shared
rings, and a bar changes one slot of each. So the engine keeps a copy of them, as old as the last snapshot, and knows
which slots may have changed since. What becomes of a snapshot does not matter to the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from features.inputs import BarInputs
from schema.ticks import Int64

FEW: Final = 16  # a table of which more than one slot in so many changed is copied whole: that is faster


class Slots(NamedTuple):
    """What a group says of an array of its state that is a table.

    `touched(state, bars)` is asked before the group's kernel is called with these bars. It returns the slots that the
    call may change, in any order, repeats allowed; one that it leaves out makes checkpoints wrong.
    """

    axis: int  # of the slots
    touched: Callable[[Any, BarInputs], Int64]


class Still(np.ndarray[Any, Any]):
    """An array that its owner leaves as it is until its next snapshot: who is done with it by then needs no copy."""


class Table:
    """A live array and its copy."""

    def __init__(self, live: np.ndarray, slots: Slots) -> None:
        """Take no memory yet."""
        self._live, self._slots = live, slots
        self._copy: np.ndarray | None = None
        self._changed = np.ones(live.shape[slots.axis], np.bool_)

    def touch(self, state: Any, bars: BarInputs) -> None:
        """Remember what the bars that come may change."""
        self._changed[self._slots.touched(state, bars)] = True

    def still(self) -> Still:
        """Return the array as it is now."""
        if self._copy is None:
            self._copy = np.empty_like(self._live)
        live, copy = (np.moveaxis(array, self._slots.axis, 0) for array in (self._live, self._copy))
        changed = np.flatnonzero(self._changed)
        for slot in changed if len(changed) * FEW <= len(live) else (slice(None),):
            copy[slot] = live[slot]
        self._changed[:] = False
        return self._copy.view(Still)


class Tables:
    """All tables of an engine."""

    def __init__(self, declared: Mapping[str, Mapping[str, Slots]], states: Mapping[str, Any]) -> None:
        """Take the arrays that each part declares; other states, also larger ones, need other tables."""
        self._states = {part: states[part] for part, tables in declared.items() if tables}
        self._tables = {
            part: {name: Table(getattr(state, name), slots) for name, slots in declared[part].items()}
            for part, state in self._states.items()
        }

    def touch(self, bars: BarInputs) -> None:
        """Remember what the bars may change; called before the kernels are."""
        for part, tables in self._tables.items():
            for table in tables.values():
                table.touch(self._states[part], bars)

    def still(self, part: str) -> dict[str, Still]:
        """Return the tables of a part by name, as they are now."""
        return {name: table.still() for name, table in self._tables.get(part, {}).items()}
