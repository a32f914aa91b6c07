"""The periodogram by numpy.fft.rfft of each window, in long double."""

from __future__ import annotations

import numpy as np

from tests.oracles.registry import Market, each_series, oracle

LONG = np.longdouble
WINDOW = 64
NAMES = ("low_share", "mid_share", "high_share", "centroid", "entropy", "flatness", "dominant_period", "flux")


def windows(bars: dict[str, np.ndarray]) -> np.ndarray:
    """Return the last 64 log returns of each bar from the 65th on, shape (bars - 64, 64)."""
    returns = bars["log_return"][1:].astype(LONG)
    if len(returns) < WINDOW:
        return np.empty((0, WINDOW), LONG)
    return np.lib.stride_tricks.sliding_window_view(returns, WINDOW)


def shares(window: np.ndarray) -> np.ndarray:
    """Return each bin's share of the one-sided power, shape (rows, 32), NaN rows where there is none."""
    power = np.abs(np.fft.rfft(window, axis=1)[:, 1:]) ** 2
    power[:, :-1] *= 2
    flat = (window == window[:, :1]).all(axis=1)
    total = np.where(flat, np.nan, power.sum(axis=1))
    return power / total[:, None]


def describe(name: str, p: np.ndarray) -> np.ndarray:
    frequency = np.arange(1, 33) / WINDOW
    if name == "low_share":
        return p[:, frequency < 0.1].sum(axis=1)
    if name == "mid_share":
        return p[:, (frequency >= 0.1) & (frequency < 0.3)].sum(axis=1)
    if name == "high_share":
        return p[:, frequency >= 0.3].sum(axis=1)
    if name == "centroid":
        return (p * frequency).sum(axis=1)
    if name == "entropy":
        return -(p * np.log(np.maximum(p, LONG(1e-30)))).sum(axis=1) / np.log(LONG(32))
    if name == "flatness":
        floored = np.maximum(p, LONG(1e-12))
        return np.exp(np.log(floored).mean(axis=1)) / (LONG(1) / 32)
    if name == "dominant_period":
        near = p >= (1 - 1e-9) * p.max(axis=1, keepdims=True)
        return np.where(np.isnan(p[:, 0]), np.nan, 1 / frequency[near.argmax(axis=1)])
    return np.concatenate(([np.nan], np.sqrt((np.diff(p, axis=0) ** 2).sum(axis=1))))[: len(p)]


def bound(name: str, market: Market) -> np.ndarray:
    return _bound(name, market)


@each_series
def _bound(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    """Say how far the roundings of a sliding sum can carry.

    X is good to some 200 roundings of the largest return of the last two laps, but afresh where that is 1000 times
    the root of the power: so each amplitude, as a share of the root of the power, is good to `error`.
    """
    result, window = np.zeros(len(bars["n"])), windows(bars)
    power = (np.abs(np.fft.rfft(window, axis=1)[:, 1:]) ** 2).sum(axis=1)
    returns = np.abs(bars["log_return"])
    for row in range(len(window)):
        k = row + WINDOW
        largest = np.nanmax(returns[max(k - 2 * WINDOW, 1) : k + 1])
        root = float(np.sqrt(power[row]))
        error = 200 * 2.0**-53 * min(largest / root if root else 0.0, 1e3)
        result[k] = 0.0 if name.endswith("period_64") else 10 * error
        if name.startswith("spectral_flatness"):  # of a bin at the floor, 1e-6 of the root, so much is relative
            p = np.sqrt(np.maximum(shares(window[row : row + 1])[0].astype(float), 1e-12))
            result[k] = 2 * np.mean(error / p)
    return result


@oracle(*(f"spectral_{name}_{WINDOW}" for name in NAMES), bound=bound)
@each_series
def spectral(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    result = np.full(len(bars["n"]), np.nan)
    result[WINDOW:] = describe(name.removeprefix("spectral_").removesuffix(f"_{WINDOW}"), shares(windows(bars)))
    return result
