"""Oracles of realised volatility, its state and its clustering: each window anew, in long double."""

from __future__ import annotations

import numpy as np

from tests.oracles.registry import each_series, oracle
from tests.oracles.windows import EPS, log_returns, trailing

Series = dict[str, np.ndarray]
NONE = 1e-24  # a squared return below it is none


def squares_of(bars: Series) -> np.ndarray:
    squares = log_returns(bars["close"]) ** 2
    return np.where(squares <= NONE, 0, squares)


def numbers(name: str) -> list[int]:
    return [int(word) for word in name.split("_") if word.isdigit()]


def mean_square(bars: Series, window: int) -> np.ndarray:
    return trailing(squares_of(bars), window).mean(axis=1)


def slid(values: np.ndarray, window: int) -> np.ndarray:
    """Bound a sliding sum's relative error: since its last lap it took 2 roundings a bar of what it then held."""
    sums, lap = trailing(np.nan_to_num(values), window).sum(axis=1), 1 << (window - 1).bit_length()
    largest = np.nanmax(trailing(sums, lap + 1), axis=1, initial=0)
    return 2 * (window + lap) * EPS * largest / np.where(sums > 0, sums, np.inf)


@each_series
def slid_ratio(name: str, bars: Series) -> np.ndarray:
    squares = squares_of(bars)
    return sum(slid(squares, window) for window in numbers(name)[:2]) * np.sqrt(120)  # of a ratio that may be so large


@oracle(
    "realized_volatility_ratio_5_20",
    "realized_volatility_ratio_20_60",
    "realized_volatility_ratio_20_120",
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
    squares, nth = squares_of(bars), bars["session_bar"]
    sums = np.cumsum(np.where(nth == 1, 0, squares))
    before = np.maximum.accumulate(np.where(nth == 1, sums, 0))
    whole = (sums - before) / np.maximum(nth - 1, 1)
    return np.sqrt(trailing(squares, 20).mean(axis=1) / np.where((whole > 0) & (nth > 1), whole, np.nan))
