"""Oracles of how returns hang together: naive sums in long double, held to statsmodels."""

from __future__ import annotations

import numpy as np
from statsmodels.stats.diagnostic import acorr_ljungbox
from statsmodels.stats.stattools import durbin_watson
from statsmodels.tsa.stattools import acf

from tests.oracles.registry import each_series, oracle
from tests.oracles.statistical import (
    SUMMED_FLAT,
    TIE,
    Series,
    in_deviations,
    relative_noise,
    returns_of,
    some,
    spread_out,
)
from tests.oracles.technical import number
from tests.oracles.windows import EPS

LAGS = (1, 2, 3, 4, 5, 10)


def lagged(a: np.ndarray, b: np.ndarray, lag: int) -> np.ndarray:
    """Return the sum over a row of a[t] * b[t - lag]."""
    return (a[:, lag:] * b[:, :-lag]).sum(axis=1)


@oracle(*(f"autocorrelation_{lag}_60" for lag in LAGS), bound=in_deviations(60))
@each_series
def autocorrelation(name: str, bars: Series) -> np.ndarray:
    d, lag = spread_out(returns_of(bars, 60), SUMMED_FLAT), int(name.split("_")[1])
    return some(d, lagged(d, d, lag) / (d**2).sum(axis=1), lambda row: acf(row, nlags=lag)[lag])


def squares_of(bars: Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the deviations of 60 returns and of their squares, both NaN where either are equal but for rounding."""
    returns = returns_of(bars, 60)
    d, squares = spread_out(returns, SUMMED_FLAT), returns**2
    e = squares - squares.mean(axis=1, keepdims=True)
    alike = (e**2).sum(axis=1) <= SUMMED_FLAT * (squares**2).sum(axis=1)
    return d, np.where(alike[:, None] | np.isnan(d), np.nan, e)


@each_series
def noise_of_squares(name: str, bars: Series) -> np.ndarray:
    """Bound a correlation with squares: one is off by 4 EPS of its root (two roundings of a price), and EPS of itself.

    Both count beside the squares' deviation, doubled as in the products; what the returns add is `relative_noise`.
    """
    returns = returns_of(bars, 60)
    squares = returns**2
    deviation = squares.std(axis=1)
    safe = np.where(deviation > 0, deviation, np.inf)
    root = np.sqrt(squares.mean(axis=1))
    noise = 4 * EPS * root / safe + EPS * (squares.mean(axis=1) / safe) ** 2
    return 2 * (noise + relative_noise(returns)) + 60 * EPS


@oracle(*(f"squared_autocorrelation_{lag}_60" for lag in (1, 2, 5)), bound=noise_of_squares)
@each_series
def squared_autocorrelation(name: str, bars: Series) -> np.ndarray:
    e, lag = squares_of(bars)[1], int(name.split("_")[2])
    return lagged(e, e, lag) / (e**2).sum(axis=1)


@oracle("leverage_60", bound=noise_of_squares)
@each_series
def leverage(name: str, bars: Series) -> np.ndarray:
    d, e = squares_of(bars)
    return lagged(e, d, 1) / np.sqrt((d**2).sum(axis=1) * (e**2).sum(axis=1))


@each_series
def squared_correlations(name: str, bars: Series) -> np.ndarray:
    """Bound 62 * 60 / 55 * the sum of five squared correlations, each off by twice its own bound or less."""
    return 62 * 60 / 55 * 5 * 2 * (2 * relative_noise(returns_of(bars, 60)) + 60 * EPS)


@oracle("ljung_box_5_60", bound=squared_correlations)
@each_series
def ljung_box(name: str, bars: Series) -> np.ndarray:
    d = spread_out(returns_of(bars, 60), SUMMED_FLAT)
    ours = 60 * 62 * sum((lagged(d, d, lag) / (d**2).sum(axis=1)) ** 2 / (60 - lag) for lag in range(1, 6))
    return some(d, ours, lambda row: float(acorr_ljungbox(row, lags=[5])["lb_stat"].iloc[0]))


@each_series
def changes_of_returns(name: str, bars: Series) -> np.ndarray:
    """Bound a ratio of up to 4: four times the bound of a share."""
    return 4 * (2 * relative_noise(returns_of(bars, 60)) + 60 * EPS)


@oracle("durbin_watson_60", bound=changes_of_returns)
@each_series
def watson(name: str, bars: Series) -> np.ndarray:
    d = spread_out(returns_of(bars, 60), SUMMED_FLAT)
    return some(d, (np.diff(d, axis=1) ** 2).sum(axis=1) / (d**2).sum(axis=1), durbin_watson)


def held_variance(d: np.ndarray, q: int) -> np.ndarray:
    """Return the unbiased variance of overlapping sums of q deviations."""
    window = d.shape[1]
    sums = sum(d[:, start : window - q + 1 + start] for start in range(q))
    return (sums**2).sum(axis=1) / ((window - q + 1) * (1 - np.longdouble(q) / window))


def held_noise(bars: Series, window: int, q: int) -> np.ndarray:
    """Return the bound of a variance of sums of q beside the variance of one: sums are q returns, squares q ** 2."""
    return q * (2 * relative_noise(returns_of(bars, window)) + window * EPS)


@each_series
def ratio_noise(name: str, bars: Series) -> np.ndarray:
    return held_noise(bars, number(name), int(name.split("_")[2]))


@oracle(*(f"variance_ratio_{q}_{window}" for q in (2, 5, 10) for window in (60,)), bound=ratio_noise)
@each_series
def variance_ratio(name: str, bars: Series) -> np.ndarray:
    d, q = spread_out(returns_of(bars, number(name)), SUMMED_FLAT), int(name.split("_")[2])
    return held_variance(d, q) / q / d.var(axis=1, ddof=1)


@each_series
def hurst_noise(name: str, bars: Series) -> np.ndarray:
    """Bound half a slope of log variances: a log is off by its variance's own noise; the levers add to < 1."""
    d = spread_out(returns_of(bars, number(name)), SUMMED_FLAT)
    one = d.var(axis=1, ddof=1)
    least = np.min([held_variance(d, q) / q for q in (2, 5, 10)], axis=0) / one
    noise = held_noise(bars, number(name), 10) / np.where(least > 0, least, np.inf)
    return noise + EPS * np.abs(np.log(np.where(one > 0, one, 1)))


@oracle("hurst_60", bound=hurst_noise)
@each_series
def hurst(name: str, bars: Series) -> np.ndarray:
    returns = returns_of(bars, number(name))
    d, window = spread_out(returns, SUMMED_FLAT), number(name)
    steps = np.log(np.array([1, 2, 5, 10], np.longdouble))
    variances = np.array([d.var(axis=1, ddof=1), *(held_variance(d, q) for q in (2, 5, 10))])
    held = [variances[1 + j] * (window - q + 1) * (1 - q / window) for j, q in enumerate((2, 5, 10))]
    still = np.min(held, axis=0) <= np.maximum(SUMMED_FLAT * (returns**2).sum(axis=1), TIE**2)
    logs = np.log(np.where(still | ~(variances > 0), np.nan, variances))
    centred = steps - steps.mean()
    return (centred[:, None] * logs).sum(axis=0) / (centred**2).sum() / 2
