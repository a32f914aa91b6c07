"""Predictions as columns: what inference hands to the sinks."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schema.ticks import Bool, Float64, Int32, Int64


class Direction(IntEnum):
    """The class a prediction names."""

    BEARISH = -1
    NEUTRAL = 0
    BULLISH = 1


class Risk(IntEnum):
    """Tercile of the predicted volatility against the series' own last 250 values."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2


class Tier(StrEnum):
    """Which part of the model answered: degradation is visible, never silent."""

    GPU = "gpu"
    CPU = "cpu"
    TREES = "trees"
    STALE = "stale"


@dataclass(slots=True)
class Predictions:
    """n predictions, arrays of shape (n,) unless said otherwise; all of one timeframe and model version."""

    time: Int64  # ns UTC: the close of the bar it was made from
    symbol: Int32
    timeframe: Int32  # index into the configured timeframes
    bar_sequence: Int64
    horizon: int  # bars
    current_price: Float64  # mid where there are quotes, else the close
    predicted_price: Float64
    expected_return: Float64  # log return over the horizon
    volatility: Float64  # predicted standard deviation of that return
    unit: Float64  # sigma_t sqrt(h), what the label is measured in: |return| below 0.43 of it is sideways
    p_down: Float64
    p_sideways: Float64
    p_up: Float64
    confidence: Float64
    direction: NDArray[np.int8]  # Direction
    risk: NDArray[np.int8]  # Risk
    members: dict[str, Float64]  # member name -> its own (n, 3) probabilities down, sideways, up
    model_version: str
    fingerprint: str  # of the columns the model used
    tier: str  # Tier
    row: NDArray[np.int64]  # the row of the batch's bars it belongs to
    inference_started: int = 0  # ns UTC wall clock; stage times never enter the certificate
    inference_done: int = 0
    full_tier: str = ""  # Tier that would have answered if nothing had failed
    notes: tuple[str, ...] = field(default_factory=tuple)  # e.g. members that were absent
    served: bool = True  # False: scored beside what was served, never published
    # (n, H, 4) float32 at 1 .. H bars: log return, volatility, p down, p up; None where it isn't wanted
    path: NDArray[np.float32] | None = None
    challenger: bool = False  # of a version that isn't the champion

    def part(self, rows: Bool, *, served: bool = True, challenger: bool = False) -> Predictions:
        """Return the rows of a mask (n,)."""
        if rows.all():
            return replace(self, served=served, challenger=challenger)
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        chosen: dict[str, Any] = {
            name: column[rows] for name, column in columns.items() if isinstance(column, np.ndarray)
        }
        votes = {name: vote[rows] for name, vote in self.members.items()}
        return replace(self, **chosen, members=votes, served=served, challenger=challenger)
