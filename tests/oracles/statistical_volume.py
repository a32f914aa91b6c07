"""Oracles of volume over a window: naive in long double, held to scipy."""

from __future__ import annotations

import numpy as np

from tests.oracles.registry import each_series, oracle
from tests.oracles.statistical import SUMMED_FLAT, Series, relative_noise, returns_of, spread_out
from tests.oracles.statistical_moments import named
from tests.oracles.technical import number
from tests.oracles.windows import EPS, trailing

WINDOWS = (60,)


def volumes_of(bars: Series, window: int) -> np.ndarray:
    return trailing(bars["volume"], window)


def varied(volumes: np.ndarray) -> np.ndarray:
    """Return deviations from the mean, NaN where volumes are equal but for rounding."""
    d = volumes - volumes.mean(axis=1, keepdims=True)
    equal = (d**2).sum(axis=1) <= SUMMED_FLAT * (volumes**2).sum(axis=1)
    return np.where(equal[:, None], np.nan, d)


def noise_of_squares(volumes: np.ndarray) -> np.ndarray:
    """Return what rounded squares are beside the volumes' variance: EPS of the mean square."""
    variance = volumes.var(axis=1)
    return EPS * (volumes**2).mean(axis=1) / np.where(variance > 0, variance, np.inf)


@each_series
def noise_of_variation(name: str, bars: Series) -> np.ndarray:
    """Bound a root of a difference of squares over the mean: half the noise over itself, or its root where it is 0."""
    volumes = volumes_of(bars, number(name))
    mean = volumes.mean(axis=1)
    noise = 4 * EPS * (volumes**2).mean(axis=1) / np.where(mean > 0, mean, np.inf) ** 2
    return np.minimum(noise / np.maximum(volumes.std(axis=1) / np.where(mean > 0, mean, 1), 1e-300), np.sqrt(noise))


@oracle(*named("volume_variation", WINDOWS), bound=noise_of_variation)
@each_series
def variation(name: str, bars: Series) -> np.ndarray:
    volumes = volumes_of(bars, number(name))
    mean = volumes.mean(axis=1)
    return volumes.std(axis=1, ddof=1) / np.where(mean > 0, mean, np.nan)


@each_series
def noise_of_zscore(name: str, bars: Series) -> np.ndarray:
    return number(name) * noise_of_squares(volumes_of(bars, number(name)))


@oracle(*named("volume_zscore", WINDOWS), bound=noise_of_zscore)
@each_series
def zscore(name: str, bars: Series) -> np.ndarray:
    d = varied(volumes_of(bars, number(name)))
    return d[:, -1] / d.std(axis=1, ddof=1)


@each_series
def noise_of_both(name: str, bars: Series) -> np.ndarray:
    window = number(name)
    returns = returns_of(bars, window)
    returns = np.abs(returns) if name.startswith("move") else returns
    return 2 * (relative_noise(returns) + noise_of_squares(volumes_of(bars, window))) + window * EPS


@oracle(*named("return_volume_correlation", WINDOWS), *named("move_volume_correlation", WINDOWS), bound=noise_of_both)
@each_series
def correlation(name: str, bars: Series) -> np.ndarray:
    returns = returns_of(bars, number(name))
    returns = np.abs(returns) if name.startswith("move") else returns
    a, b = spread_out(returns, SUMMED_FLAT), varied(volumes_of(bars, number(name)))
    return (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
