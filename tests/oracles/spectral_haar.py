"""Haar energies by the definition: means of h returns less those of the h before, squared and summed, long double."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.oracles.registry import Market, each_series, oracle
from tests.oracles.spectral import HALF_BIT, LONG, moves
from tests.oracles.windows import trailing

WINDOW, LEVELS = 128, 6
RETURNS = WINDOW + 2**LEVELS - 1
NAMES = (*(f"haar_share_{2**level}_{WINDOW}" for level in range(1, LEVELS + 1)), f"haar_entropy_{WINDOW}")


def energies(returns: np.ndarray) -> np.ndarray:
    """Return each level's energy, shape (returns, LEVELS), NaN where there are too few or none has any."""
    result = np.full((len(returns), LEVELS), np.nan, LONG)
    if len(returns) < RETURNS:
        return result
    rows = sliding_window_view(returns.astype(LONG), RETURNS)
    for level in range(1, LEVELS + 1):
        h = 2 ** (level - 1)
        means = trailing(returns, h).mean(axis=1)
        coefficients = (means[h:] - means[:-h]) / 2
        result[RETURNS - 1 :, level - 1] = trailing(coefficients**2, WINDOW).sum(axis=1)[-len(rows) :]
    total = result.sum(axis=1)
    flat = np.concatenate((np.zeros(RETURNS - 1, bool), (rows == 0).all(axis=1)))
    result[flat | (total <= LONG(1e-24) * returns**2)] = np.nan
    return result


def bound(name: str, market: Market) -> np.ndarray:
    return _bound(name, market)


@each_series
def _bound(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    """Sum the roundings since the sums were last computed afresh, at most 128 bars before.

    A sum of returns is good to 128 roundings of R, the sum of |r| of all that have been in it; so a coefficient to
    delta = 3 * 128 roundings of R / 2, and an energy that takes in and lets go 128 of each, w in all, to 2 delta
    sum |w| + 256 roundings of the peak, where sum |w| <= root(512 peak). The peak is at most 1e4 of the energy.
    """
    returns = moves(bars)
    result = np.zeros(len(bars["n"]))
    total = energies(returns).sum(axis=1).astype(float)
    sums = np.convolve(np.abs(returns), np.ones(RETURNS + WINDOW))[: len(returns)]
    behind = np.concatenate([np.zeros(WINDOW), np.nan_to_num(total)])
    peak = np.minimum(sliding_window_view(behind, WINDOW + 1).max(axis=1), 1e4 * np.nan_to_num(total))
    delta = 3 * 128 / 2 * HALF_BIT * sums
    with np.errstate(invalid="ignore", divide="ignore"):
        error = (2 * delta * np.sqrt(512 * peak) + 256 * HALF_BIT * peak) / total
    error = np.nan_to_num(error) * 2 + 1e-15
    result[1:] = error * (6 * 29 / np.log(6)) if name.startswith("haar_entropy") else error * 7
    return result


@oracle(*NAMES, bound=bound)
@each_series
def haar(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    energy = energies(moves(bars))
    p = energy / energy.sum(axis=1, keepdims=True)
    result = np.full(len(bars["n"]), np.nan)
    if name.startswith("haar_entropy"):
        result[1:] = -(p * np.log(np.maximum(p, LONG(1e-12)))).sum(axis=1) / np.log(LONG(LEVELS))
    else:
        result[1:] = p[:, NAMES.index(name)]
    return result
