"""Coherence with the market by numpy.fft.rfft of both windows, in long double."""

from __future__ import annotations

import numpy as np

from tests.oracles.registry import Market, oracle
from tests.oracles.spectral import LONG, amplitude_error, windows

WINDOWS, BANDS = (64, 128), ("low", "mid", "high")
NAMES = tuple(f"market_coherence_{band}_{window}" for window in WINDOWS for band in BANDS)


def market_returns(market: Market) -> np.ndarray:
    """Return each row's mean log return of all rows of its bar time, NaN where fewer than two have one."""
    bars = market.bars
    returns, has = np.nan_to_num(bars.log_return).astype(LONG), ~np.isnan(bars.log_return)
    _, at = np.unique(np.column_stack((bars.time, bars.timeframe)), axis=0, return_inverse=True)
    at = at.ravel()
    total, rows = np.zeros(at.max() + 1, LONG), np.bincount(at, has)
    np.add.at(total, at, returns)
    mean = np.where(rows >= 2, total / np.maximum(rows, 1), np.nan)[at]
    return np.where(has, mean, np.nan)


def spectra(window: int, returns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the transform of each window, bins 1 .. W / 2, and what its amplitudes may be wrong by."""
    steps = windows(window, np.where(np.abs(returns) > 1e-12, returns, 0).astype(float).tobytes())
    x = np.fft.rfft(steps, axis=1)[:, 1:]
    power = np.abs(x) ** 2
    power[(steps == 0).all(axis=1)] = np.nan
    return np.where(np.isnan(power), np.nan, x), amplitude_error(window, steps, power, np.ones(1))[:, 0]


def coherence(name: str, own: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coherence and how far errors of the amplitudes carry: one of e of the root of a band's power, 8 e."""
    band, window = name.removeprefix("market_coherence_").rsplit("_", 1)
    (x, x_error), (m, m_error) = spectra(int(window), own), spectra(int(window), other)
    frequency = np.arange(1, x.shape[1] + 1) / int(window)
    weight = np.where(frequency == 0.5, 1, 2)
    edges = {"low": (0, 0.1), "mid": (0.1, 0.3), "high": (0.3, 1)}[band]
    inside = (frequency >= edges[0]) & (frequency < edges[1])
    power, market = np.abs(x) ** 2 * weight, np.abs(m) ** 2 * weight
    both = np.abs((x * m.conj() * weight)[:, inside].sum(axis=1)) ** 2
    shares = [p[:, inside].sum(axis=1) / p.sum(axis=1) for p in (power, market)]
    result = both / (power[:, inside].sum(axis=1) * market[:, inside].sum(axis=1))
    result[(shares[0] <= 1e-12) | (shares[1] <= 1e-12)] = np.nan
    errors = [error / np.sqrt(np.maximum(share, 1e-12)) for share, error in zip(shares, (x_error, m_error))]
    return result, np.nan_to_num((8 * (errors[0] + errors[1])).astype(float)) + 1e-14


def each(name: str, market: Market, which: int) -> np.ndarray:
    result, window = np.full(len(market.bars.n), np.nan if which == 0 else 0.0), int(name.rsplit("_", 1)[1])
    mean = market_returns(market)
    for series in np.unique(market.bars.series):
        rows = np.flatnonzero(market.bars.series == series)
        own, other = market.bars.log_return[rows][1:], mean[rows][1:]
        found = coherence(name, own, np.nan_to_num(other))[which]
        if which == 0 and len(own) >= window:
            lacking = np.convolve(np.isnan(other), np.ones(window))[window - 1 : len(other)]
            found = np.where(lacking > 0.5, np.nan, found)
        result[rows[window:]] = found
    return result


def bound(name: str, market: Market) -> np.ndarray:
    return each(name, market, 1)


@oracle(*NAMES, bound=bound)
def market_coherence(name: str, market: Market) -> np.ndarray:
    return each(name, market, 0)
