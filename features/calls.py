"""The kernels of a stage, called without asking each of them again of what types its arguments are.

Numba's dispatcher looks at every array of every argument: 6 of the 8 us that a call of a kernel with 40 arrays takes,
and a batch in which a few bars close makes 70 of them. All kernels of a stage are given the same arrays and their own
state, whose types never change: the types are looked at once a batch, and what numba compiled for them is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numba
import numpy as np
from numba.core.dispatcher import Dispatcher

from features.catalogue import Group

_OF_THE_TYPE: Final = 0x0001 | 0x0002 | 0x0100 | 0x0400  # C- and F-contiguous, aligned, writeable
_Call = tuple[Callable[..., None], Any, Any, slice]  # compiled kernel, params, state, the columns it writes


class StageCalls:
    """The kernels of one stage over their states."""

    def __init__(self, groups: Sequence[tuple[Group, slice]], states: Mapping[str, Any]) -> None:
        """Take each group with the columns that it writes. Other states, also larger ones, need other calls."""
        self._groups, self._states = tuple(groups), states
        self._known: dict[tuple[object, ...], list[_Call]] = {}

    def __call__(self, values: np.ndarray, why: np.ndarray, *shared: Any) -> None:
        """Call `update(params, state, *shared, out, why)` of each group; `values` has two rows at least."""
        kind = _kind((values, why), *shared)
        calls = self._known.get(kind)
        if calls is None:
            calls = self._known[kind] = [self._compiled(group, at, values, why, shared) for group, at in self._groups]
        for kernel, params, state, at in calls:
            kernel(params, state, *shared, values[:, at], why[:, at])

    def _compiled(self, group: Group, at: slice, values: np.ndarray, why: np.ndarray, shared: tuple[Any, ...]) -> _Call:
        params, state = group.params, self._states[group.name]
        if not isinstance(group.update, Dispatcher):  # plain Python, as laws plant it
            return group.update, params, state, at
        types = tuple(map(numba.typeof, (params, state, *shared, values[:, at], why[:, at])))
        if types not in group.update.overloads:
            group.update.compile(types)
        return group.update.overloads[types].entry_point, params, state, at  # type: ignore[attr-defined]


def _kind(*arguments: tuple[np.ndarray, ...]) -> tuple[object, ...]:
    """Return what numba's types of tuples of arrays follow from."""
    arrays = [array for argument in arguments for array in argument]
    return (*[array.dtype for array in arrays], *[array.flags.num & _OF_THE_TYPE for array in arrays])
