"""Arrays with symbols on one axis, put together anew from those of several processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Deal(NamedTuple):
    """Where each symbol's state comes from: the process and its id there, (-1, -1) for a state without history."""

    places: tuple[tuple[int, int], ...]

    def ids_of(self, process: int, n_symbols: int) -> np.ndarray:
        """Return the new id (n_symbols,) of each symbol of an old process, -1 where it goes elsewhere."""
        ids = np.full(max(n_symbols, 1), -1, np.int32)
        for new, (k, old) in enumerate(self.places):
            if k == process:
                ids[old] = new
        return ids


def dealt_like(
    fresh: Mapping[str, np.ndarray], states: Sequence[Mapping[str, np.ndarray]], deal: Deal
) -> dict[str, np.ndarray]:
    """Deal each array of a state, symbols first; `fresh` is the state of one symbol of which nothing was seen."""
    return {name: dealt([state[name] for state in states], fresh[name], deal) for name in fresh}


def dealt_engine(
    one: Mapping[str, np.ndarray], two: Mapping[str, np.ndarray], states: Sequence[Mapping[str, np.ndarray]], deal: Deal
) -> dict[str, np.ndarray]:
    """Deal each array of a state whose symbols may be on any axis.

    `one` and `two` are the states of one and of two symbols of which nothing was seen: they differ on that axis. The
    result has room for one symbol at least, as the engine has.
    """
    roomy = deal if deal.places else Deal(((-1, -1),))
    return {
        name: dealt(
            [state[name] for state in states], one[name], roomy,
            next(axis for axis in range(one[name].ndim) if one[name].shape[axis] != two[name].shape[axis]),
        )
        for name in one
    }  # fmt: skip


def dealt(arrays: Sequence[Any], fresh: np.ndarray, deal: Deal, axis: int = 0) -> np.ndarray:
    """Return the array of the new process; `fresh` is that of one symbol, as long on `axis` as a symbol's share."""
    width = fresh.shape[axis]
    everything = np.concatenate([*(np.asarray(array) for array in arrays), fresh], axis=axis)
    begins = np.concatenate(([0], np.cumsum([np.shape(array)[axis] // width for array in arrays])))
    rows = [_row(begins, k, old) for k, old in deal.places]
    chosen = (np.array(rows, np.int64)[:, None] * width + np.arange(width)).ravel()
    mine: np.ndarray = np.take(everything, chosen, axis=axis)
    return mine


def _row(begins: np.ndarray, process: int, old: int) -> int:
    """Return where a symbol stands among all processes' symbols; the last one is the fresh one's."""
    known = process >= 0 and begins[process] + old < begins[process + 1]
    return int(begins[process] + old) if known else int(begins[-1])
