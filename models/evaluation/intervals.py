"""How sure a figure is: rows overlap and symbols move together, so intervals resample whole days."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schema.ticks import Float64

LEAST_DAYS: Final = 20
_RESAMPLES: Final = 500
_Z: Final = 1.959963984540054  # 95 % of a normal distribution lies within

Interval = list[float] | str


def too_few(days: int) -> str:
    """Return what stands in the place of an interval over too few days."""
    return f"insufficient: {days} days, {LEAST_DAYS} needed"


def interval(values: Float64, days: NDArray[np.int64], seed: int) -> Interval:
    """Return the 95 % interval of the mean of values (n,) by resampling whole days, or why there is none."""
    which, place = np.unique(days, return_inverse=True)
    if len(which) < LEAST_DAYS:
        return too_few(len(which))
    drawn = _drawn(len(which), seed)
    sums, counts = np.bincount(place, values), np.bincount(place)
    return _quantiles(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))


def correlation_interval(a: Float64, b: Float64, days: NDArray[np.int64], seed: int) -> Interval:
    """Return the 95 % interval of Pearson's correlation of (n,) and (n,), resampling whole days.

    Of ranks it is Spearman's, the ranks being those of all rows.
    """
    which, place = np.unique(days, return_inverse=True)
    if len(which) < LEAST_DAYS:
        return too_few(len(which))
    drawn = _drawn(len(which), seed)
    columns = (np.ones_like(a), a, b, a * a, b * b, a * b)
    n, sa, sb, saa, sbb, sab = (np.bincount(place, column)[drawn].sum(axis=1) for column in columns)
    norm = np.sqrt(np.maximum((saa - sa * sa / n) * (sbb - sb * sb / n), 1e-300))
    return _quantiles((sab - sa * sb / n) / norm)


def wilson(hits: float, n: float) -> list[float]:
    """Return Wilson's 95 % interval of a share of n independent trials (Wilson 1927); all of 0 to 1 for none."""
    if n <= 0:
        return [0.0, 1.0]
    p, z2 = hits / n, _Z * _Z
    middle, half = (p + z2 / (2 * n)), _Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return [max((middle - half) / (1 + z2 / n), 0.0), min((middle + half) / (1 + z2 / n), 1.0)]


def _drawn(n: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, n, (_RESAMPLES, n))


def _quantiles(values: Float64) -> list[float]:
    low, high = np.quantile(values, (0.025, 0.975))
    return [float(low), float(high)]
