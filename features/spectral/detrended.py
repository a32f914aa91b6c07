"""The spectrum of the log price less its least-squares line, from the transform of its returns.

See `periodogram` for the formula. The power of bin k is c |X_k - d|^2 / (4 sin^2(pi k / W)), X_k counted from the
window's first return, and d the mean of Re X_k under the same weights.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from features.lanes.arithmetic import every, fma, larger, most, total
from features.lanes.kinds import LANES, Row
from features.lanes.logarithm import logarithm
from features.lanes.memory import load, store
from features.spectral.sliding_dft import WINDOWS
from features.spectral.spectrum import FLOOR, dominant_of, entropy_of

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


@njit(cache=True, inline="always")
def straighten(
    real: Row, imaginary: Row, first: int, last: int, cosine: Row, sine: Row, gains: float, x: Row, y: Row, power: Row
) -> tuple[float, float]:
    """Write X - d of a window, X counted from its first return (`cosine` and `sine` turn the bins to it), and the power
    of what is left; return d and the sum of that power. `gains` is the window's in GAINS.
    """
    weighted, left = every(0.0), every(0.0)
    for b in range(first, last, LANES):
        r, i, c, s = load(real, b), load(imaginary, b), load(cosine, b), load(sine, b)
        p = fma(r, c, every(0.0) - i * s)
        store(x, b, p)
        store(y, b, fma(r, s, i * c))
        weighted = fma(load(GAIN, b), p, weighted)
    line = total(weighted) / gains
    for b in range(first, last, LANES):
        p, q = load(x, b) - every(line), load(y, b)
        of_bin = load(GAIN, b) * fma(p, p, q * q)
        store(x, b, p)
        store(power, b, of_bin)
        left = left + of_bin
    return line, total(left)


@njit(cache=True, inline="always")
def price_shares(share: Row, first: int, last: int, factor: float) -> tuple[float, float]:
    """Turn the window's power into shares p; return the sum of p log p and the largest p."""
    information = peak = every(0.0)
    scale, floor = every(factor), every(FLOOR)
    for b in range(first, last, LANES):
        p = load(share, b) * scale
        store(share, b, p)
        information, peak = fma(p, logarithm(larger(p, floor)), information), larger(peak, p)
    return total(information), most(peak)


@njit(cache=True, inline="always")
def describe_price(window: int, first: int, last: int, x: Row, y: Row, share: Row, factor: float, columns: Row) -> None:
    """Write period, share and phase (sine, cosine) of the dominant cycle, and the entropy.

    x + iy is what `straighten` wrote, `share` its power, `factor` what makes shares of it.
    """
    information, peak = price_shares(share, first, last, factor)
    b = dominant_of(share, first, peak)
    length = math.sqrt(x[b] * x[b] + y[b] * y[b])
    c, s = HALF_COS[b], HALF_SIN[b]  # times -i exp(-i pi k / W): the newest bar, and 1 / (1 - z)
    columns[0], columns[1] = window / (b - first + 1), share[b]
    columns[2], columns[3] = -(x[b] * c + y[b] * s) / length, (y[b] * c - x[b] * s) / length
    columns[4] = entropy_of(information, last - first)
