"""The spectrum of the log price less its least-squares line, from the transform of its returns.

See `periodogram` for the formula. The power of bin k is c |X_k - d|^2 / (4 sin^2(pi k / W)), X_k counted from the
window's first return, and d the mean of Re X_k under the same weights.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from features.spectral.sliding_dft import BINS, FIRST, WINDOWS
from features.spectral.spectrum import FLOOR, dominant_of, entropy_of
from schema.ticks import Float64

NO_POWER: Final = 1e-24  # of the power that the line had a part in


def _gains(window: int) -> np.ndarray:
    gain = 0.5 / np.sin(np.pi * np.arange(1, window // 2 + 1) / window) ** 2
    gain[-1] *= 0.5
    return gain


def _half_turns(window: int) -> np.ndarray:
    return np.pi * np.arange(1, window // 2 + 1) / window


GAIN: Final = np.concatenate([_gains(w) for w in WINDOWS])  # c / (4 sin^2), what a bin's |X - d|^2 counts
GAINS: Final = np.array([_gains(w).sum() for w in WINDOWS])
HALF_COS: Final = np.concatenate([np.cos(_half_turns(w)) for w in WINDOWS])
HALF_SIN: Final = np.concatenate([np.sin(_half_turns(w)) for w in WINDOWS])


@njit(cache=True)
def turn_back(real: Float64, imaginary: Float64, cosine: Float64, sine: Float64, x: Float64, y: Float64) -> None:
    """Write X, counted from each window's first return: `cosine` and `sine` turn the bins to it."""
    for b in range(BINS):
        x[b] = real[b] * cosine[b] - imaginary[b] * sine[b]
        y[b] = real[b] * sine[b] + imaginary[b] * cosine[b]


@njit(cache=True)
def straighten(x: Float64, y: Float64, line: float, first: int, last: int, power: Float64) -> None:
    """Take d from the window's X and write the power of what is left."""
    for b in range(max(first, 0), last):
        x[b] -= line
        power[b] = GAIN[b] * (x[b] * x[b] + y[b] * y[b])


@njit(cache=True)
def price_shares(power: Float64, factor: float, first: int, last: int, floored: Float64) -> None:
    """Turn the window's power into shares; write the share, or FLOOR, that a logarithm is of."""
    for b in range(max(first, 0), last):
        p = power[b] * factor
        power[b], floored[b] = p, p if p > FLOOR else FLOOR


@njit(cache=True)
def describe_price(
    w: int, x: Float64, y: Float64, share: Float64, information: float, out: Float64, k: int, at: int
) -> None:
    """Write period, share and phase (sine, cosine) of the dominant cycle, and the entropy, from column `at` on."""
    first, last = FIRST[w], FIRST[w + 1]
    b = dominant_of(share, first, last)
    length = math.sqrt(x[b] * x[b] + y[b] * y[b])
    c, s = HALF_COS[b], HALF_SIN[b]  # times -i exp(-i pi k / W): the newest bar, and 1 / (1 - z)
    out[k, at], out[k, at + 1] = WINDOWS[w] / (b - first + 1), share[b]
    out[k, at + 2], out[k, at + 3] = -(x[b] * c + y[b] * s) / length, (y[b] * c - x[b] * s) / length
    out[k, at + 4] = entropy_of(information, last - first)
