"""Oracles of realised volatility, its state and its clustering: each window anew, in long double."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import linregress, variation
from statsmodels.tsa.stattools import acf

from tests.oracles.registry import each_series, oracle
from tests.oracles.windows import EPS, agrees, log_returns, trailing

Series = dict[str, np.ndarray]
Library = Callable[[np.ndarray], float]
NONE = 1e-24  # a squared return below it is none
SMALL = 1e-3  # of the most that a sum has held since it was last made anew: it is made anew


def squares_of(bars: Series) -> np.ndarray:
    squares = log_returns(bars["close"]) ** 2
    return np.where(squares <= NONE, 0, squares)


def numbers(name: str) -> list[int]:
    return [int(word) for word in name.split("_") if word.isdigit()]


def mean_square(bars: Series, window: int) -> np.ndarray:
    return trailing(squares_of(bars), window).mean(axis=1)


def slid(values: np.ndarray, window: int) -> np.ndarray:
    """Bound a sliding sum's relative error: since its last lap it took 2 roundings a bar of what it then held.

    That was no more than 1 / SMALL of the sum: where it is less than SMALL of that it is made anew.
    """
    sums, lap = trailing(np.nan_to_num(values), window).sum(axis=1), 1 << (window - 1).bit_length()
    largest = np.nanmax(trailing(sums, lap + 1), axis=1, initial=0)
    return 2 * (window + lap) * EPS * np.minimum(largest / np.where(sums > 0, sums, np.inf), 1 / SMALL)


@each_series
def slid_ratio(name: str, bars: Series) -> np.ndarray:
    squares = squares_of(bars)
    return sum(slid(squares, window) for window in numbers(name)[:2]) * np.sqrt(120)  # of a ratio that may be so large


@oracle(
    "realized_volatility_ratio_20_60",
    bound=slid_ratio,
)
@each_series
def realized_ratio(name: str, bars: Series) -> np.ndarray:
    short, long = numbers(name)
    below = mean_square(bars, long)
    return np.sqrt(mean_square(bars, short) / np.where(below > 0, below, np.nan))


@each_series
def slid_change(name: str, bars: Series) -> np.ndarray:
    return 4 * slid(squares_of(bars), 40)


@oracle("realized_variance_change_20", bound=slid_change)
@each_series
def realized_change(name: str, bars: Series) -> np.ndarray:
    windows = trailing(squares_of(bars), 40)
    earlier, now = windows[:, :20].sum(axis=1), windows[:, 20:].sum(axis=1)
    return (now - earlier) / np.where(now + earlier > 0, now + earlier, np.nan)


@each_series
def slid_session(name: str, bars: Series) -> np.ndarray:
    return slid(squares_of(bars), 20) * np.nan_to_num(session_ratio(bars)).astype(float)


@oracle("session_volatility_ratio_20", bound=slid_session)
@each_series
def session_volatility(name: str, bars: Series) -> np.ndarray:
    return session_ratio(bars)


def session_ratio(bars: Series) -> np.ndarray:
    squares, nth, whole = squares_of(bars), bars["session_bar"], np.zeros(len(bars["n"]), np.longdouble)
    for session in np.split(np.arange(len(nth)), np.flatnonzero(nth == 1)):  # none sees what an earlier one summed
        whole[session] = np.cumsum(np.where(nth[session] == 1, 0, squares[session])) / np.maximum(nth[session] - 1, 1)
    return np.sqrt(trailing(squares, 20).mean(axis=1) / np.where((whole > 0) & (nth > 1), whole, np.nan))


def sizes_of(bars: Series) -> np.ndarray:
    return trailing(np.sqrt(squares_of(bars)), 60)


def about_mean(values: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Return deviations of the rows from their means, NaN where they are no more than 1e-10 of a sum of squares."""
    deviations = values - values.mean(axis=1, keepdims=True)
    flat = (deviations**2).sum(axis=1) <= 1e-10 * beside
    return np.where(flat[:, None], np.nan, deviations)


def cancelled(values: np.ndarray) -> np.ndarray:
    """Bound what a sum of squares less the squared mean loses: 60 roundings of it, beside what is left."""
    whole, left = (values**2).sum(axis=1), ((values - values.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return np.nan_to_num(4 * 60 * EPS * whole / np.where(left > 0, left, np.inf)).astype(float)


@each_series
def cancelled_sizes(name: str, bars: Series) -> np.ndarray:
    return 8 * cancelled(sizes_of(bars))  # of a value of at most 8


@oracle("size_autocorrelation_1_60", "size_autocorrelation_5_60", bound=cancelled_sizes)
@each_series
def size_autocorrelation(name: str, bars: Series) -> np.ndarray:
    lag, sizes = numbers(name)[0], sizes_of(bars)
    d = about_mean(sizes, (sizes**2).sum(axis=1))
    ours = (d[:, lag:] * d[:, :-lag]).sum(axis=1) / (d**2).sum(axis=1)
    return some(sizes, ours, lambda row: acf(row, nlags=lag)[lag])


@oracle("size_variation_60", bound=cancelled_sizes)
@each_series
def size_variation(name: str, bars: Series) -> np.ndarray:
    sizes = sizes_of(bars)
    d = about_mean(sizes, (sizes**2).sum(axis=1))
    return some(sizes, np.sqrt((d**2).sum(axis=1) / 59) / sizes.mean(axis=1), lambda row: variation(row, ddof=1))


@each_series
def cancelled_squares(name: str, bars: Series) -> np.ndarray:
    squares = sizes_of(bars) ** 2
    return 59 * (cancelled(squares[:, :-1]) + cancelled(squares[:, 1:]))


@oracle("arch_lm_60", bound=cancelled_squares)
@each_series
def arch_lm(name: str, bars: Series) -> np.ndarray:
    sizes = sizes_of(bars)
    whole = (sizes**4).sum(axis=1)
    known = ~np.isnan(about_mean(sizes, (sizes**2).sum(axis=1))[:, 0])
    x, y = about_mean(sizes[:, :-1] ** 2, whole), about_mean(sizes[:, 1:] ** 2, whole)
    ours = 59 * (x * y).sum(axis=1) ** 2 / ((x**2).sum(axis=1) * (y**2).sum(axis=1))
    return some(sizes, np.where(known, ours, np.nan), lm_of)


def lm_of(sizes: np.ndarray) -> float:
    return 59 * float(linregress(sizes[:-1] ** 2, sizes[1:] ** 2).rvalue) ** 2


def some(windows: np.ndarray, ours: np.ndarray, library: Library) -> np.ndarray:
    """Return ours, held to a library's function of a window at some of them."""
    rows = np.flatnonzero(~np.isnan(ours))[::97]
    agrees(ours[rows], np.array([library(windows[row].astype(np.float64)) for row in rows]), 1e-9)
    return ours
