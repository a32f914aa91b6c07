"""Points of a search space."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

Choices = tuple[Any, ...]  # numbers, texts, or true and false


class TrialPruned(Exception):
    """The trial is worse than others were at this fold: the rest of its folds isn't worth the time."""


def grid(space: Mapping[str, Choices], most: int) -> list[dict[str, Any]]:
    """Return all points of a space. Raises ValueError where there are more than `most`."""
    size = math.prod(len(values) for values in space.values())
    if size > most:
        raise ValueError(
            f"tune: the grid has {size:,} points, expected at most {most:,}; choose dimensions with --only, or another "
            "sampler"
        )
    return [dict(zip(space, point, strict=True)) for point in itertools.product(*space.values())]
