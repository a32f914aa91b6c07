"""Oracles of the moments of returns: the formula a window in long double, held to scipy."""

from __future__ import annotations

import numpy as np
from scipy import stats

from tests.oracles.registry import each_series, oracle
from tests.oracles.statistical import SUMMED_FLAT, TIE, Series, in_deviations, returns_of, some, spread_out
from tests.oracles.technical import number, two_price_roundings
from tests.oracles.windows import EPS, log_returns

WINDOWS = (20, 60)
SHORT = (1, 2, 3, 5, 10)


def named(stem: str, windows: tuple[int, ...] = WINDOWS) -> tuple[str, ...]:
    return tuple(f"{stem}_{window}" for window in windows)


@each_series
def summed_roundings(name: str, bars: Series) -> np.ndarray:
    """Bound a sum of log returns: each is rounded, and the two prices at its ends are."""
    sizes = np.abs(returns_of(bars, number(name))).sum(axis=1)
    return 2 * EPS + EPS * np.nan_to_num(sizes)


@oracle(*named("return", SHORT + WINDOWS), bound=summed_roundings)
@each_series
def log_return(name: str, bars: Series) -> np.ndarray:
    return log_returns(bars["close"], number(name))


@oracle(*named("volatility", (10, *WINDOWS)), bound=two_price_roundings)
@each_series
def volatility(name: str, bars: Series) -> np.ndarray:
    return returns_of(bars, number(name)).std(axis=1, ddof=1)


@oracle(*named("downside_semivolatility"), *named("upside_semivolatility"), bound=two_price_roundings)
@each_series
def semivolatility(name: str, bars: Series) -> np.ndarray:
    returns = returns_of(bars, number(name))
    side = np.minimum(returns, 0) if name.startswith("downside") else np.maximum(returns, 0)
    return np.sqrt((side**2).mean(axis=1))


@each_series
def share_of_squares(name: str, bars: Series) -> np.ndarray:
    """Bound a share of squares: each return is off by 2 EPS, its square by 4 EPS of its size, and so is their sum."""
    returns = returns_of(bars, number(name))
    squares = (returns**2).sum(axis=1)
    return 8 * EPS * np.abs(returns).sum(axis=1) / np.where(squares > 0, squares, np.inf)


@oracle(*named("downside_share"), bound=share_of_squares)
@each_series
def downside_share(name: str, bars: Series) -> np.ndarray:
    returns = returns_of(bars, number(name))
    squares = (returns**2).sum(axis=1)
    return (np.minimum(returns, 0) ** 2).sum(axis=1) / np.where(squares > TIE**2, squares, np.nan)


@each_series
def share_of_path(name: str, bars: Series) -> np.ndarray:
    """Bound |sum| / path: the sum is off by two roundings of a price, the path by two a return."""
    window = number(name)
    path = np.abs(returns_of(bars, window)).sum(axis=1)
    return 2 * EPS * (window + 1) / np.where(path > 0, path, np.inf)


@oracle(*named("efficiency_ratio"), bound=share_of_path)
@each_series
def efficiency_ratio(name: str, bars: Series) -> np.ndarray:
    returns = returns_of(bars, number(name))
    moved = (returns**2).sum(axis=1) > TIE**2
    return np.abs(returns.sum(axis=1)) / np.where(moved, np.abs(returns).sum(axis=1), np.nan)


for _window in WINDOWS:
    _bound = in_deviations(_window)

    @oracle(f"skewness_{_window}", bound=_bound)
    @each_series
    def skewness(name: str, bars: Series) -> np.ndarray:
        d = spread_out(returns_of(bars, number(name)), SUMMED_FLAT)
        return some(d, (d**3).mean(axis=1) / (d**2).mean(axis=1) ** 1.5, stats.skew)

    @oracle(f"kurtosis_{_window}", bound=_bound)
    @each_series
    def kurtosis(name: str, bars: Series) -> np.ndarray:
        d = spread_out(returns_of(bars, number(name)), SUMMED_FLAT)
        return some(d, (d**4).mean(axis=1) / (d**2).mean(axis=1) ** 2 - 3, stats.kurtosis)

    @oracle(f"sharpe_{_window}", f"zscore_{_window}", bound=_bound)
    @each_series
    def in_deviation(name: str, bars: Series) -> np.ndarray:
        returns = returns_of(bars, number(name))
        d = spread_out(returns, SUMMED_FLAT)
        above = returns.mean(axis=1) if name.startswith("sharpe") else d[:, -1]
        return above / d.std(axis=1, ddof=1)
