"""Oracles of volatility from open, high, low and close: naive a window in long double."""

from __future__ import annotations

import numpy as np

from tests.oracles.registry import each_series, oracle
from tests.oracles.statistical import Series, returns_of
from tests.oracles.statistical_moments import named
from tests.oracles.technical import number
from tests.oracles.windows import EPS, exact, log_returns, trailing

WINDOWS = (20,)


def log_of(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    return np.log1p((exact(new) - exact(old)) / exact(old))


def logs_of(bars: Series, window: int) -> tuple[np.ndarray, ...]:
    """Return (n, window) logarithms of high, low and close over open."""
    return tuple(trailing(log_of(bars[field], bars["open"]), window) for field in ("high", "low", "close"))


def mean_square(name: str, bars: Series) -> np.ndarray:
    """Return the variance whose root a column is."""
    window = number(name)
    up, down, body = logs_of(bars, window)
    two = np.log(np.longdouble(2))
    if name.startswith("parkinson"):
        return ((up - down) ** 2).mean(axis=1) / (4 * two)
    if name.startswith("garman"):
        return ((up - down) ** 2 / 2 - (2 * two - 1) * body**2).mean(axis=1)
    satchell = (up * (up - body) + down * (down - body)).mean(axis=1)
    if name.startswith("rogers"):
        return satchell
    gap = trailing(log_returns(bars["close"]) - log_of(bars["close"], bars["open"]), window)
    weight = np.longdouble("0.34") / (np.longdouble("1.34") + np.longdouble(window + 1) / (window - 1))
    return gap.var(axis=1, ddof=1) + weight * body.var(axis=1, ddof=1) + (1 - weight) * satchell


@each_series
def root_of_noise(name: str, bars: Series) -> np.ndarray:
    """Bound the root of a mean of products of logarithms, each off by 2 EPS: products are by 4 EPS of the larger.

    A root is off by half of that over itself, and by the root of it where it is nearly 0.
    """
    window = number(name)
    sizes = [np.abs(logs).mean(axis=1) for logs in (*logs_of(bars, window), returns_of(bars, window))]
    noise = 8 * EPS * np.nansum(sizes, axis=0) + (4 * EPS) ** 2
    root = np.sqrt(np.maximum(mean_square(name, bars), 0))
    return np.minimum(noise / np.where(root > 0, 2 * root, np.inf) + np.where(root > 0, 0, np.inf), np.sqrt(noise))


@oracle(
    *named("parkinson", WINDOWS),
    *named("garman_klass", WINDOWS),
    *named("rogers_satchell", WINDOWS),
    *named("yang_zhang", WINDOWS),
    bound=root_of_noise,
)
@each_series
def volatility(name: str, bars: Series) -> np.ndarray:
    return np.sqrt(np.maximum(mean_square(name, bars), 0))
