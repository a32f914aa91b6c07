"""The indicators of `/analyze`, from closes and volumes. None where history is too short."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import numpy as np

from schema.ticks import Float64

T = TypeVar("T")

DAYS: Final = 20
SMA: Final = 20
SHORT_VOLUME, LONG_VOLUME = 5, 20  # bars


def volatility(daily_closes: Sequence[float]) -> float | None:
    """Return the standard deviation of the last 20 daily log returns; `daily_closes` are oldest first."""
    if len(daily_closes) < DAYS + 1:
        return None
    return float(np.std(np.diff(np.log(daily_closes[-DAYS - 1 :])), ddof=1))


def sma_ratios(closes: Sequence[Float64]) -> list[float | None]:
    """Return each series' newest close over the mean of its last 20."""
    return by_rows(closes, SMA, lambda last: (last[:, -1] / last.mean(axis=1)).tolist())


def volume_trends(volumes: Sequence[Float64]) -> list[float | None]:
    """Return the log of each series' mean volume of 5 bars over that of 20; None where nothing was traded in them."""

    def trends(last: Float64) -> list[float | None]:
        short, long = last[:, -SHORT_VOLUME:].mean(axis=1).tolist(), last.mean(axis=1).tolist()
        return [math.log(a / b) if a else None for a, b in zip(short, long, strict=True)]

    return by_rows(volumes, LONG_VOLUME, trends)


def by_rows(series: Sequence[Float64], n: int, of: Callable[[Float64], Sequence[T]]) -> list[T | None]:
    """Return what `of` makes of the last n values of each series, given as rows (k, n) at once; None of shorter ones.

    A row's result doesn't depend on the others: numpy adds along rows alike however many there are.
    """
    enough = [k for k, values in enumerate(series) if len(values) >= n]
    found: list[T | None] = [None] * len(series)
    if enough:
        for k, value in zip(enough, of(np.stack([series[k][-n:] for k in enough])), strict=True):
            found[k] = value
    return found


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
