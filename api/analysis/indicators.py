"""The indicators of `/analyze`, from closes and volumes. None where history is too short."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from schema.ticks import Float64

DAYS: Final = 20
SMA: Final = 20
SHORT_VOLUME, LONG_VOLUME = 5, 20  # bars


def volatility(daily_closes: Sequence[float]) -> float | None:
    """Return the standard deviation of the last 20 daily log returns; `daily_closes` are oldest first."""
    if len(daily_closes) < DAYS + 1:
        return None
    return float(np.std(np.diff(np.log(daily_closes[-DAYS - 1 :])), ddof=1))


def sma_ratio(closes: Float64) -> float | None:
    """Return the newest close over the mean of the last 20."""
    if len(closes) < SMA:
        return None
    return float(closes[-1] / closes[-SMA:].mean())


def volume_trend(volumes: Float64) -> float | None:
    """Return the log of the mean volume of 5 bars over that of 20; None where nothing was traded in them."""
    if len(volumes) < LONG_VOLUME or not (recent := volumes[-SHORT_VOLUME:].mean()):
        return None
    return math.log(recent / volumes[-LONG_VOLUME:].mean())


def change(price: float | None, before: float | None) -> float | None:
    """Return the change of a price in percent."""
    if price is None or not before:
        return None
    return 100.0 * (price / before - 1.0)


def rank(today: float, sessions: Sequence[float]) -> float | None:
    """Return today's percentile (0 to 100) among the last 20 sessions: of those below, and half of those equal."""
    if len(sessions) < DAYS:
        return None
    last = np.asarray(sessions[-DAYS:])
    return float(100.0 * (np.mean(last < today) + 0.5 * np.mean(last == today)))
