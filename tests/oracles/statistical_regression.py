"""Oracles of the straight line through log closes: naive in long double, held to scipy."""

from __future__ import annotations

import numpy as np
from scipy import stats

from tests.oracles.registry import each_series, oracle
from tests.oracles.statistical import TIE, Series, some
from tests.oracles.statistical_moments import named
from tests.oracles.technical import number
from tests.oracles.windows import EPS, trailing

LAP, FAR = 512, 32  # bars that a level may be added up over; deviations that it may lie from its anchor

WINDOWS = (20, 60)


def log_closes(bars: Series, window: int) -> np.ndarray:
    """Return (n, window) log closes, less the oldest."""
    closes = trailing(bars["close"], window)
    return np.log1p((closes - closes[:, :1]) / closes[:, :1])


def line(bars: Series, window: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return deviations of log closes from their mean, of time from its, and the slope."""
    levels, time = log_closes(bars, window), np.arange(window) - np.longdouble(window - 1) / 2
    d = levels - levels.mean(axis=1, keepdims=True)
    return d, time, (d * time).sum(axis=1) / (time**2).sum()


def spread_of(bars: Series, window: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the deviation of log closes, what each is off by, and by what share of itself their variance is.

    A level is off by two roundings of a price and, each bar since the anchor, one of its own size: at most FAR
    deviations and the window's range. Its rounded square, and the mean's, are off by EPS of (FAR deviations) squared.
    """
    levels = log_closes(bars, window)
    deviation, reach = levels.std(axis=1), levels.max(axis=1) - levels.min(axis=1)
    return deviation, EPS * (2 + LAP / 2 * (FAR * deviation + reach)), 4 * EPS * (FAR + 2) ** 2


@each_series
def noise_of_line(name: str, bars: Series) -> np.ndarray:
    """Bound what is linear in the levels: by the sum of their weights' sizes."""
    window = number(name)
    deviation, off, _ = spread_of(bars, window)
    time = np.arange(window) - (window - 1) / 2
    slope = np.abs(time).sum() / (time**2).sum()
    off = off + 2 * EPS * (FAR + 2) * deviation  # of the products with time
    return off * (slope if name.startswith("slope") else 2 + slope * (window - 1) / 2)


@oracle(*named("slope", WINDOWS), bound=noise_of_line)
@each_series
def slope(name: str, bars: Series) -> np.ndarray:
    window = number(name)
    ours = line(bars, window)[2]
    return some(log_closes(bars, window), ours, lambda row: stats.linregress(np.arange(window), row).slope)


@oracle(*named("line_gap", WINDOWS), bound=noise_of_line)
@each_series
def gap(name: str, bars: Series) -> np.ndarray:
    d, time, slope = line(bars, number(name))
    return d[:, -1] - slope * time[-1]


def residual(bars: Series, window: int) -> np.ndarray:
    d, time, slope = line(bars, window)
    return np.sqrt(((d - slope[:, None] * time) ** 2).sum(axis=1) / (window - 2))


@each_series
def noise_of_residual(name: str, bars: Series) -> np.ndarray:
    """Bound a root of what is left of the variance: by the levels', and by half the variance's noise over the root.

    Where the root is nearly 0 it is off by the noise's root.
    """
    window = number(name)
    deviation, off, share = spread_of(bars, window)
    noise, root = 2 * share * deviation**2, residual(bars, window)
    return 2 * off + np.minimum(noise / np.where(root > 0, root, 1e-300), np.sqrt(noise))


@oracle(*named("residual_deviation", WINDOWS), bound=noise_of_residual)
@each_series
def residual_deviation(name: str, bars: Series) -> np.ndarray:
    return residual(bars, number(name))


@each_series
def noise_of_share(name: str, bars: Series) -> np.ndarray:
    """Bound a share of variance, or a level in deviations: twice what levels are off by, and the variance's noise."""
    deviation, off, share = spread_of(bars, number(name))
    return 4 * off / np.where(deviation > 0, deviation, np.inf) + 4 * share


def unless_flat(bars: Series, window: int) -> np.ndarray:
    """Return 1, or NaN where the window is flat."""
    levels = log_closes(bars, window)
    return np.where(levels.max(axis=1) - levels.min(axis=1) <= TIE, np.nan, 1)


@oracle(*named("r_squared", WINDOWS), bound=noise_of_share)
@each_series
def r_squared(name: str, bars: Series) -> np.ndarray:
    d, time, slope = line(bars, number(name))
    total = (d**2).sum(axis=1)
    share = slope**2 * (time**2).sum() / np.where(total > 0, total, 1)
    return share * unless_flat(bars, number(name))


@oracle(*named("close_zscore", WINDOWS), bound=noise_of_share)
@each_series
def zscore(name: str, bars: Series) -> np.ndarray:
    d, deviation = line(bars, number(name))[0], log_closes(bars, number(name)).std(axis=1, ddof=1)
    return d[:, -1] / np.where(deviation > 0, deviation, 1) * unless_flat(bars, number(name))
