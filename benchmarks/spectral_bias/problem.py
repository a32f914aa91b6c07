"""Sums of sines on [0, 1]: f(x) = sum_j a_j(x) sin(2 pi kappa_j x + phi_j), as section 3.1 of the paper has them.

Amplitudes, phases and the two samples follow the authors' code (github.com/Ronglong-Fang/AddressingSpectralBiasviaMGDL,
folder Regression_on_the_synthetic_data): phases uniform on [0, 2 pi) from seed 0, an even grid to train on, uniform
points from seed 1 to test on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

AMPLITUDES: Final = ("constant", "decreasing", "varying", "increasing")


@dataclass(frozen=True, slots=True)
class Problem:
    """A function to learn, K frequencies."""

    amplitude: str
    frequencies: NDArray[np.int64]  # (K,) periods on [0, 1], equally spaced
    x: Array  # (n,) even grid without its end: the frequencies fall on bins of its Fourier transform
    y: Array  # (n,)
    test_x: Array  # (m,) uniform
    test_y: Array  # (m,)

    def error_by_frequency(self, prediction: Array) -> Array:
        """Return for each frequency (K,) the squared error in its band over the function's power there.

        A band reaches half the spacing to either side, since a varying amplitude spreads a line over neighbours.
        """
        error, power = (np.abs(np.fft.rfft(v)) ** 2 for v in (prediction - self.y, self.y))
        half = int(self.frequencies[1] - self.frequencies[0]) // 2
        bands = self.frequencies[:, None] + np.arange(-half, half + 1)
        shares: Array = error[bands].sum(1) / power[bands].sum(1)
        return shares


def make_problem(amplitude: str, frequencies: NDArray[np.int64], n: int, tested: int = 2_000) -> Problem:
    """Return the function with K frequencies, n points to train on. Raises ValueError on an unknown amplitude."""
    if amplitude not in AMPLITUDES:
        raise ValueError(f"amplitude {amplitude!r} is unknown; expected one of {AMPLITUDES}")
    x = np.arange(n) / n
    test_x = np.random.RandomState(1).uniform(size=tested)
    phases = np.random.RandomState(0).uniform(0, 2 * np.pi, 40)[: len(frequencies)]
    y, test_y = (_sines(amplitude, frequencies, phases, at) for at in (x, test_x))
    return Problem(amplitude, frequencies, x, y, test_x, test_y)


def relative_squared_error(prediction: Array, y: Array) -> float:
    """Return |prediction - y|^2 / |y|^2: 1 is what predicting nothing gives."""
    return float(np.sum((prediction - y) ** 2) / np.sum(y**2))


def _sines(amplitude: str, frequencies: NDArray[np.int64], phases: Array, x: Array) -> Array:
    k = len(frequencies)
    sines = np.sin(2 * np.pi * frequencies[:, None] * x + phases[:, None])  # (K, n)
    heights = {
        "constant": np.ones((k, 1)),
        "decreasing": np.linspace(1, 0.05, k)[:, None],
        "varying": np.exp(-x) * np.cos(np.arange(k)[:, None] * x),
        "increasing": np.linspace(0.05, 1, k)[:, None],
    }
    total: Array = (heights[amplitude] * sines).sum(0)
    return total
