"""Realised labels and live scores as columns: what the flow hands to the sinks once a horizon has passed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray


class Basis(IntEnum):
    """What a label rests on, or why there is none."""

    MID = 0
    TRADE_PRICE = 1
    HALT = 2
    GAP = 3  # a bar is missing on the way
    SESSION = 4  # a session ends on the way
    PRICE_KIND = 5  # one end has a quote, the other only a trade


NONE: Final = -1  # class of a row without a label

# One prediction and what happened. `realised` is NaN, `brier` and `log_loss` too, where there is no label.
OUTCOME: Final = np.dtype(
    [
        ("time", "i8"), ("sequence", "i8"),  # of the bar that the prediction was made from
        ("known_at", "i8"),  # ns UTC: close of the bar at which the outcome was known
        ("symbol", "i4"), ("label", "i1"),  # 0 down, 1 sideways, 2 up, NONE
        ("basis", "i1"),  # Basis
        ("challenger", "i1"),  # whether the version was one when it said so
        ("realised", "f4"), ("expected", "f8"),  # log returns over the horizon
        ("unit", "f8"), ("brier", "f8"), ("log_loss", "f8"),
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Outcomes of one version's predictions in one timeframe, in the order in which they were known."""

    timeframe: int  # index into the configured timeframes
    version: str
    horizon: int  # bars
    rows: NDArray[Any]  # (n,) of OUTCOME


@dataclass(frozen=True, slots=True)
class Score:
    """How a version has done so far, from all outcomes known up to `time`. None is undefined."""

    time: int  # ns UTC
    timeframe: int
    version: str
    horizon: int
    challenger: bool
    since: int  # ns UTC: the first prediction that is counted
    predictions: int  # whose horizon has passed
    labelled: int  # of these with a label
    directional: int  # of these with a return and a forecast other than 0
    accuracy: float | None  # share of right signs among `directional`
    accuracy_low: float | None  # 95 % interval by blocks of ten horizons; None under 20 blocks
    accuracy_high: float | None
    brier: float | None
    log_loss: float | None
    information_coefficient: float | None  # correlation of forecast and return, both in units of sigma_t sqrt(h)
    e_value: float | None  # challengers: evidence that they are better than the champion, by the promotion rule
    e_needed: float | None  # and how much of it lets them take over
