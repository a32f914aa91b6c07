"""How training says how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Step(NamedTuple):
    """What was just done. Without an epoch where none is run: trees, publishing."""

    text: str
    share: float  # of all there is to do, 0 to 1
    epoch: int | None = None  # from 1 on
    epochs: int | None = None  # at most
    fit_loss: float | None = None
    stop_loss: float | None = None
    fold: int | None = None  # from 1 on
    folds: int | None = None


Progress = Callable[[Step], None]


def silent(step: Step) -> None:
    """Say nothing."""
