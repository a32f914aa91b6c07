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
    returns = np.diff(np.log(prices))
    n = len(returns)
    if n < LEAST_RETURNS or not np.isfinite(returns).all() or np.ptp(returns) == 0:
        return None
    power = np.abs(np.fft.rfft(returns - returns.mean())[1:]) ** 2 / n  # (n // 2,)
    paired = power[: (n - 1) // 2]  # all but the highest frequency of an even number stand for their mirror image too
    paired *= 2
    return Spectrum(np.arange(1, n // 2 + 1) / n, power)


def bands(found: Spectrum) -> dict[str, dict[str, Any]]:
    """Return each band's range in cycles a bar, power and meaning."""
    return {
        name: {"range": [low, high], "power": _between(found, low, high), "interpretation": meaning}
        for name, (low, high, meaning) in BANDS.items()
    }


def shares(found: Spectrum) -> tuple[float, float, float]:
    """Return the bands' shares of the power, which add up to 1."""
    low, middle, high = (_between(found, *BANDS[name][:2]) for name in BANDS)
    total = low + middle + high
    return low / total, middle / total, high / total


def centroid(found: Spectrum) -> float:
    """Return the mean frequency, weighted by power (cycles a bar)."""
    return float(found.frequency @ found.power / found.power.sum())


def _between(found: Spectrum, low: float, high: float) -> float:
    """Return the power at frequencies from `low` up to, but without, `high`; the last band has its end."""
    inside = (found.frequency >= low) & ((found.frequency < high) | (high == 0.5))
    return float(found.power[inside].sum())
