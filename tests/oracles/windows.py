"""What the oracles of bar columns are made of: trailing windows, log returns and recursions in long double."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import lfilter

EPS = float(np.finfo(np.float64).eps)


def exact(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.longdouble)


def trailing(values: np.ndarray, window: int) -> np.ndarray:
    """Return (n, window): each row the last `window` values up to it, oldest first, NaN where there are fewer."""
    return sliding_window_view(np.concatenate([np.full(window - 1, np.longdouble("nan")), exact(values)]), window)


def before(values: np.ndarray, lag: int = 1) -> np.ndarray:
    """Return the values `lag` rows before, NaN at first."""
    return trailing(values, lag + 1)[:, 0]


def log_returns(prices: np.ndarray, lag: int = 1) -> np.ndarray:
    old = before(prices, lag)
    return np.log1p((exact(prices) - old) / old)


def smoothed(values: np.ndarray, n: int, alpha: float, first: int = 0) -> np.ndarray:
    """Return the mean of n values from row `first` on, then before + alpha * (value - before); NaN until then."""
    values, start = exact(values), first + n - 1
    result = np.full(len(values), np.longdouble("nan"))
    if len(values) > start:
        result[start] = values[first : start + 1].mean()
        keep = 1 - np.longdouble(alpha)
        rest, _ = lfilter([1 - keep], [np.longdouble(1), -keep], values[start + 1 :], zi=[keep * result[start]])
        result[start + 1 :] = rest
    return result


def agrees(ours: np.ndarray, library: np.ndarray, tolerance: float) -> np.ndarray:
    """Return `ours` (exact), held to a library that computes in float64 where both are defined."""
    apart = np.abs(ours - library)[~np.isnan(ours) & ~np.isnan(library)]
    assert (apart <= tolerance).all(), f"oracle and library are {apart.max()} apart, expected {tolerance} at most"
    return ours
