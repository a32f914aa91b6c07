"""Oracles of jump-robust variances: naive products a window in long double."""

from __future__ import annotations

import numpy as np
from scipy import stats
from scipy.special import gamma

from tests.oracles.registry import each_series, oracle
from tests.oracles.statistical import TIE, Series, returns_of
from tests.oracles.statistical_moments import named
from tests.oracles.technical import number
from tests.oracles.windows import EPS, agrees

WINDOWS = (20, 60)
PI = np.longdouble("3.14159265358979323846264338327950288")


def neighbours(sizes: np.ndarray, count: int) -> list[np.ndarray]:
    """Return `count` matrices: sizes[t], sizes[t - 1] … for every t that has them in its row."""
    width = sizes.shape[1] - count + 1
    return [sizes[:, count - 1 - lag : count - 1 - lag + width] for lag in range(count)]


def estimate(name: str, sizes: np.ndarray) -> np.ndarray:
    """Return an estimate of the integrated variance or quarticity from (n, window) sizes of returns."""
    window = np.longdouble(sizes.shape[1])
    (x, y), three = neighbours(sizes, 2), neighbours(sizes, 3)
    if name.startswith("bipower"):
        return PI / 2 * (x * y).sum(axis=1)
    if name.startswith("min"):
        return PI / (PI - 2) * window / (window - 1) * (np.minimum(x, y) ** 2).sum(axis=1)
    if name.startswith("median"):
        factor = PI / (6 - 4 * np.sqrt(np.longdouble(3)) + PI)
        return factor * window / (window - 2) * (np.median(np.array(three), axis=0) ** 2).sum(axis=1)
    if name.startswith("realized"):
        return window / 3 * (sizes**4).sum(axis=1)
    power = np.longdouble(4) / 3
    mean = 2 ** (2 / 3) * gamma(7 / 6) / gamma(1 / 2)
    agrees(np.array([mean]), np.array([stats.norm.expect(lambda z: np.abs(z) ** (4 / 3))]), 1e-6)
    return window * mean**-3.0 * window / (window - 2) * np.prod(np.array(three) ** power, axis=0).sum(axis=1)


@each_series
def noise_of_products(name: str, bars: Series) -> np.ndarray:
    """Bound a sum of products of `degree` returns, each off by 2 EPS of the price.

    The powers' means are at most the largest return's, and the constants before the sums at most 5.
    """
    window = number(name)
    largest = np.abs(returns_of(bars, window)).max(axis=1) + 2 * EPS
    degree = 4 if "quarticity" in name else 2
    return 5 * window * (window if degree == 4 else 1) * degree * 2 * EPS * largest ** (degree - 1)


@oracle(
    *named("bipower_variation", WINDOWS),
    "min_realized_variance_60",
    "median_realized_variance_60",
    *named("realized_quarticity", WINDOWS),
    "tripower_quarticity_60",
    bound=noise_of_products,
)
@each_series
def variance(name: str, bars: Series) -> np.ndarray:
    return estimate(name, np.abs(returns_of(bars, number(name))))


def share_and_smooth(name: str, bars: Series) -> tuple[np.ndarray, np.ndarray]:
    sizes, window = np.abs(returns_of(bars, number(name))), np.longdouble(number(name))
    squares = (sizes**2).sum(axis=1)
    smooth = estimate("bipower", sizes) * window / (window - 1)
    moved = squares > TIE**2
    return np.where(moved, 1 - smooth / np.where(moved, squares, 1), np.nan), smooth


@each_series
def share_noise(name: str, bars: Series) -> np.ndarray:
    """Bound bipower / squares: squares are off by 4 EPS a size, products likewise, times pi / 2; see downside_share."""
    sizes = np.abs(returns_of(bars, number(name)))
    squares = (sizes**2).sum(axis=1)
    return 2 * 8 * EPS * sizes.sum(axis=1) / np.where(squares > 0, squares, np.inf) + 8 * EPS


@oracle(*named("jump_share", WINDOWS), bound=share_noise)
@each_series
def jump_share(name: str, bars: Series) -> np.ndarray:
    return share_and_smooth(name, bars)[0]


@each_series
def statistic_noise(name: str, bars: Series) -> np.ndarray:
    """Bound share / sqrt(noise * max(1, tripower / bipower ** 2)) by its parts' bounds.

    The share's is divided by the root. The root's square is off by that of tripower / bipower ** 2 beside itself.
    """
    window = number(name)
    sizes = np.abs(returns_of(bars, window))
    share, smooth = share_and_smooth(name, bars)
    safe = np.where(smooth > 0, smooth, np.inf)
    largest = sizes.max(axis=1)
    ratio = np.maximum(1, estimate("tripower", sizes) / safe**2)
    root = np.sqrt((PI**2 / 4 + PI - 5) / window * ratio)
    off = 5 * window**2 * 8 * EPS * largest**3 / safe**2 + 2 * ratio * 5 * window * 4 * EPS * largest / safe
    return (
        16 * EPS * sizes.sum(axis=1) / np.maximum((sizes**2).sum(axis=1), 1e-300) + np.abs(share) * off / ratio
    ) / root


@oracle("jump_statistic_60", bound=statistic_noise)
@each_series
def jump_statistic(name: str, bars: Series) -> np.ndarray:
    sizes, window = np.abs(returns_of(bars, number(name))), number(name)
    share, smooth = share_and_smooth(name, bars)
    paired = smooth > TIE * np.sqrt((sizes**2).sum(axis=1))
    safe = np.where(paired, smooth, np.nan)
    ratio = np.maximum(1, estimate("tripower", sizes) / safe**2)
    return share / np.sqrt((PI**2 / 4 + PI - 5) / window * ratio)
