"""Power of log returns by frequency, in cycles a bar.

The periodogram |rfft(r - mean r)|^2 of the last n returns, the frequency 0 left out, split at 0.1 and 0.3 cycles a bar
(Oppenheim and Schafer, Discrete-Time Signal Processing). Both sides of a real signal's spectrum count, so that the
total power is the sum of squared deviations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from schema.ticks import Float64

LEAST_RETURNS: Final = 32  # the lowest band holds three bins then
BANDS: Final = {
    "low_frequency": (0.0, 0.1, "trend: cycles longer than ten bars"),
    "medium_frequency": (0.1, 0.3, "cycles of three to ten bars"),
    "high_frequency": (0.3, 0.5, "noise: cycles shorter than three bars"),
}


class Spectrum(NamedTuple):
    """Power at the frequencies k / n, k = 1 .. n // 2; arrays of shape (n // 2,)."""

    frequency: Float64  # cycles a bar
    power: Float64  # squared log return


def spectrum(prices: Float64 | Sequence[float]) -> Spectrum | None:
    """Return the spectrum of n + 1 prices' log returns; None for fewer than 32, or where all are equal."""
    n = len(prices) - 1
    if n < LEAST_RETURNS:
        return None
    power, moves = _powers(np.asarray(prices, np.float64)[None])
    return Spectrum(_frequencies(n), power[0]) if moves[0] else None


def shares_of(closes: Sequence[Float64]) -> list[tuple[float, float, float] | None]:
    """Return the bands' shares of each series' power, which add up to 1; None where there is no spectrum."""
    found: list[tuple[float, float, float] | None] = [None] * len(closes)
    for n in {len(prices) - 1 for prices in closes if len(prices) > LEAST_RETURNS}:
        alike = [k for k, prices in enumerate(closes) if len(prices) - 1 == n]
        power, moves = _powers(np.stack([closes[k] for k in alike]))
        bounds = (_bounds(_frequencies(n), low, high) for low, high, _ in BANDS.values())
        low, middle, high = (power[:, first:end].sum(axis=1) for first, end in bounds)
        rows = np.stack((low, middle, high), axis=1) / np.where(moves, low + middle + high, 1.0)[:, None]
        for k, row, moved in zip(alike, rows.tolist(), moves.tolist(), strict=True):
            found[k] = tuple(row) if moved else None
    return found


def _powers(prices: Float64) -> tuple[Float64, np.ndarray]:
    """Return the power (k, n // 2) of the n returns of rows of prices (k, n + 1), and which rows have a spectrum."""
    returns = np.diff(np.log(prices), axis=1)
    n = returns.shape[1]
    moves = np.isfinite(returns).all(axis=1) & (np.ptp(returns, axis=1) != 0)
    returns[~moves] = 0.0
    power = np.abs(np.fft.rfft(returns - returns.mean(axis=1, keepdims=True))[:, 1:]) ** 2 / n
    power[:, : (n - 1) // 2] *= 2  # all but the highest frequency of an even number stand for their mirror image too
    return power, moves


def bands(found: Spectrum) -> dict[str, dict[str, Any]]:
    """Return each band's range in cycles a bar, power and meaning."""
    return {
        name: {"range": [low, high], "power": _between(found, low, high), "interpretation": meaning}
        for name, (low, high, meaning) in BANDS.items()
    }


def centroid(found: Spectrum) -> float:
    """Return the mean frequency, weighted by power (cycles a bar)."""
    return float(found.frequency @ found.power / found.power.sum())


def _between(found: Spectrum, low: float, high: float) -> float:
    """Return the power at frequencies from `low` up to, but without, `high`; the last band has its end."""
    first, end = _bounds(found.frequency, low, high)
    return float(found.power[first:end].sum())


def _frequencies(n: int) -> Float64:
    return np.arange(1, n // 2 + 1) / n


def _bounds(frequency: Float64, low: float, high: float) -> tuple[int, int]:
    inside = np.flatnonzero((frequency >= low) & ((frequency < high) | (high == 0.5)))
    return int(inside[0]), int(inside[-1]) + 1
