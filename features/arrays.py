"""State as named tuples of arrays: growing it, copying it out and taking it back."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

State = TypeVar("State", bound=tuple[Any, ...])


def grown(fresh: State, old: State) -> State:
    """Return a fresh, larger state with the old one copied into its corner, whichever axis is the symbols'."""
    for new, before in zip(fresh, old):
        new[tuple(slice(0, length) for length in before.shape)] = before
    return fresh


def as_snapshot(state: Any) -> dict[str, np.ndarray]:
    """Return the arrays of a state by name, live."""
    return dict(zip(state._fields, state))


def from_snapshot(like: State, snapshot: dict[str, Any], where: str) -> State:
    """Return a state of the same fields from a snapshot.

    Raises ValueError where the fields or the kinds differ.
    """
    fields: tuple[str, ...] = like._fields  # type: ignore[attr-defined]
    if set(fields) != set(snapshot):
        raise ValueError(f"{where}: the checkpoint has {sorted(snapshot)}, this version keeps {sorted(fields)}")
    arrays = []
    for name, array in zip(fields, like):
        saved = np.array(snapshot[name])
        if saved.dtype != array.dtype or saved.shape[1:] != array.shape[1:]:
            raise ValueError(
                f"{where}.{name}: the checkpoint has {saved.dtype}{saved.shape}, expected {array.dtype}{array.shape}"
            )
        arrays.append(saved)
    return type(like)(*arrays)
