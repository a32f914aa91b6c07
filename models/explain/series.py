"""What a model had been shown of one symbol when it spoke: the rows up to the bar that it spoke of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schema.ticks import Float64


@dataclass(frozen=True, slots=True)
class Series:
    """T feature rows of one symbol and timeframe, oldest first, undefined cells NaN."""

    names: tuple[str, ...]  # of the F columns
    fingerprints: Mapping[str, str]  # theirs
    values: Float64  # (T, F)
    served: Mapping[str, Any]  # the row of `predictions` that was made at the last of them
    source: str  # where the rows come from: what a person should know
