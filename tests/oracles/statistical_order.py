"""Oracles of returns in order: numpy's quantiles in long double, held to scipy, and naive counts."""

from __future__ import annotations

import numpy as np
from scipy import stats

from tests.oracles.registry import each_series, oracle
from tests.oracles.statistical import TIE, Series, returns_of, some
from tests.oracles.technical import two_price_roundings
from tests.oracles.windows import EPS

WINDOW = 60


def quantile(returns: np.ndarray, percent: int) -> np.ndarray:
    return np.quantile(returns, np.longdouble(percent) / 100, axis=1)


def four_prices(name: str, market: object) -> float:
    """Bound a difference of two returns, each of two prices."""
    return 4 * EPS


@oracle(*(f"return_quantile_{percent}_60" for percent in (5, 25, 50, 75, 95)), bound=two_price_roundings)
@each_series
def quantiles(name: str, bars: Series) -> np.ndarray:
    return quantile(returns_of(bars, WINDOW), int(name.split("_")[2]))


@oracle("expected_shortfall_60", bound=two_price_roundings)
@each_series
def shortfall(name: str, bars: Series) -> np.ndarray:
    returns = returns_of(bars, WINDOW)
    return np.sort(returns, axis=1)[:, :3].mean(axis=1) + 0 * returns.sum(axis=1)  # NaN sorts last


@oracle("interquartile_range_60", bound=four_prices)
@each_series
def spread(name: str, bars: Series) -> np.ndarray:
    returns = returns_of(bars, WINDOW)
    return some(returns, quantile(returns, 75) - quantile(returns, 25), stats.iqr)


@oracle("return_percentile_60")
@each_series
def rank(name: str, bars: Series) -> np.ndarray:
    returns = returns_of(bars, WINDOW)
    last = returns[:, -1:]
    less, same = (returns < last - TIE).sum(axis=1), (np.abs(returns - last) <= TIE).sum(axis=1) - 1
    return np.where(np.isnan(returns).any(axis=1), np.nan, (less + same / 2) / 59)


def parts(name: str, bars: Series) -> tuple[np.ndarray, np.ndarray]:
    """Return what a ratio divides and what by."""
    returns = returns_of(bars, WINDOW)
    low, first, median, third, high = (quantile(returns, percent) for percent in (5, 25, 50, 75, 95))
    if name.startswith("tail_ratio"):
        return high - median, median - low
    if name.startswith("quantile_skewness"):
        return third + first - 2 * median, third - first
    return high - low, third - first


@each_series
def noise_of_ratio(name: str, bars: Series) -> np.ndarray:
    """Bound a ratio of differences of returns, each off by 8 EPS at most (twice the median counts double)."""
    above, base = parts(name, bars)
    return 8 * EPS * (np.abs(above) + base) / np.where(base > 0, base, np.inf) ** 2


@oracle("tail_ratio_60", "quantile_skewness_60", "tail_weight_60", bound=noise_of_ratio)
@each_series
def ratio(name: str, bars: Series) -> np.ndarray:
    above, base = parts(name, bars)
    return above / np.where(base > TIE, base, np.nan)


@oracle("return_entropy_60")
@each_series
def entropy(name: str, bars: Series) -> np.ndarray:
    def of(row: np.ndarray) -> float:
        least, most = row.min(), row.max()
        if np.isnan(row).any() or most - least <= TIE:
            return np.nan
        edges = least + (most - least) * np.arange(1, 8) / 8 - TIE
        return float(stats.entropy(np.bincount(np.searchsorted(edges, row, "right"), minlength=8)) / np.log(8))

    return np.array([of(row) for row in returns_of(bars, WINDOW)])
