"""Oracles of the statistical columns: the formula a window in long double, held to scipy, statsmodels and pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.oracles.registry import each_series, oracle
from tests.oracles.windows import EPS, agrees, log_returns, trailing

Series = dict[str, np.ndarray]
TIE = 1e-12  # a return below it is none
FLAT = 1e-20  # squared spread beside squared size below which returns are equal but for rounding
SUMMED_FLAT = 1e-12  # the same, where sliding sums can't tell nearer ones apart


def returns_of(bars: Series, window: int) -> np.ndarray:
    """Return (n, window) log returns of the close, oldest first, NaN where there are fewer."""
    return trailing(log_returns(bars["close"]), window)


def spread_out(returns: np.ndarray, flat: float = FLAT) -> np.ndarray:
    """Return the rows' deviations from their mean, NaN where the returns are equal but for rounding."""
    deviations = returns - returns.mean(axis=1, keepdims=True)
    equal = (deviations**2).sum(axis=1) <= np.maximum(flat * (returns**2).sum(axis=1), TIE**2)
    return np.where(equal[:, None], np.nan, deviations)


def relative_noise(returns: np.ndarray) -> np.ndarray:
    """Return what rounding is beside the deviation of returns, a row.

    Each return carries the rounding of its two prices, 2 EPS; its rounded square counts as a return that is off by EPS
    of its size, which a mean beside a small deviation magnifies by the square of their ratio.
    """
    deviation, mean = returns.std(axis=1), np.abs(returns.mean(axis=1))
    safe = np.where(deviation > 0, deviation, np.inf)
    return EPS * (2 / safe + (mean / safe) ** 2)


def in_deviations(window: int) -> object:
    """Make the bound of a statistic of standardised returns: averaging powers of them loses as much again."""

    @each_series
    def bound(name: str, bars: Series) -> np.ndarray:
        return 2 * relative_noise(returns_of(bars, window)) + window * EPS

    return bound


@oracle("reference_return_1")
@each_series
def reference_return(name: str, bars: Series) -> np.ndarray:
    return log_returns(bars["reference"])


@oracle("reference_volatility_60")
@each_series
def reference_volatility(name: str, bars: Series) -> np.ndarray:
    squares = pd.Series(log_returns(bars["reference"]).astype(np.float64) ** 2)
    return np.sqrt(squares.ewm(span=60, adjust=True, min_periods=20).mean().to_numpy())


def some(windows: np.ndarray, ours: np.ndarray, library: object) -> np.ndarray:
    """Return ours, held to a library's function of a window at some of them."""
    rows = np.flatnonzero(~np.isnan(ours))[::97]
    agrees(ours[rows], np.array([library(windows[row].astype(np.float64)) for row in rows]), 1e-9)
    return ours
