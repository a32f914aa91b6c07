"""The discrete Fourier transforms of the last 32, 64, 128 and 256 log returns, kept up to date bar by bar.

A_k = sum of r_m exp(-2 pi i k m / W) over the window, m the return's own number, so that a bar adds (newest - oldest)
exp(-2 pi i k n / W) and turns nothing: undamped, and roundings only add up. A lap away with them: every W / 2 bars half
of the bins are computed afresh, each window at bars of its own, so that none has too much to do. The four windows lie
side by side, bins 1 .. W / 2 of each, real and imaginary parts apart, for loops that a compiler can vectorise.

Source: Duda (2010), Accurate, Guaranteed Stable, Sliding Discrete Fourier Transform.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from features.inputs import RING
from features.ties import TIE
from schema.ticks import Float64, Int64

WINDOWS: Final = (32, 64, 128, 256)
FIRST: Final = (0, 16, 48, 112, 240)  # where a window's bins begin
BINS: Final = FIRST[-1]
LONGEST: Final = WINDOWS[-1]
PARTS: Final = 2  # a lap computes the bins afresh in so many parts


def _of_bins(of_window: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(of_window)


STEP: Final = _of_bins([np.arange(1, w // 2 + 1) * (LONGEST // w) for w in WINDOWS])  # turn a bar, in 256ths
_QUARTER = np.sin(2.0 * np.pi * np.arange(LONGEST // 4) / LONGEST)
SIN: Final = np.concatenate([_QUARTER, [1.0], _QUARTER[:0:-1], [0.0], -_QUARTER[1:], [-1.0], -_QUARTER[:0:-1]])
COS: Final = np.roll(SIN, -LONGEST // 4)
STEP_COS: Final = COS[STEP % LONGEST]
STEP_SIN: Final = SIN[STEP % LONGEST]
COUNTED: Final = _of_bins([np.append(np.full(w // 2 - 1, 2.0), 1.0) for w in WINDOWS])  # both signs, but Nyquist


class State(NamedTuple):
    real: Float64  # (series, BINS)
    imaginary: Float64  # (series, BINS)
    still: Int64  # (series,) returns of 0 since the last other one
    total: Float64  # (series, windows) power of the bar before, 0 where it was undefined


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(np.zeros((n, BINS)), np.zeros((n, BINS)), np.zeros(n, np.int64), np.zeros((n, len(WINDOWS))))


@njit(cache=True, inline="always")
def moved(log_return: float) -> float:
    """Return a log return, 0 where it is none (a tie, or NaN: the first bar's)."""
    return log_return if abs(log_return) > TIE else 0.0


@njit(cache=True)
def turned(n: int, cosine: Float64, sine: Float64) -> None:
    """Write how far each bin has turned at the n-th bar."""
    for b in range(BINS):
        at = (n * STEP[b]) & (LONGEST - 1)
        cosine[b], sine[b] = COS[at], SIN[at]


@njit(cache=True)
def slide(
    real: Float64, imaginary: Float64, first: int, last: int, change: float, cosine: Float64, sine: Float64
) -> None:
    """Add the change of bins first .. last - 1 at this bar."""
    for b in range(max(first, 0), last):
        real[b] += change * cosine[b]
        imaginary[b] -= change * sine[b]


@njit(cache=True)
def refresh(ring: Float64, n: int, window: int, first: int, real: Float64, imaginary: Float64) -> None:
    """Compute the bins from `first` on afresh from a ring of log returns, by Horner's rule."""
    cosine, sine = STEP_COS[first : first + len(real)], STEP_SIN[first : first + len(real)]
    real[:], imaginary[:] = 0.0, 0.0
    for j in range(window - 1, -1, -1):
        lag = (n - j) & (window - 1)
        value = moved(ring[(n - 1 - lag) & (len(ring) - 1)])
        for b in range(len(real)):
            x, y = real[b], imaginary[b]
            real[b] = value + (x * cosine[b] + y * sine[b])
            imaginary[b] = y * cosine[b] - x * sine[b]


@njit(cache=True)
def advance(
    real: Float64,
    imaginary: Float64,
    ring: Float64,
    n: int,
    newest: float,
    still: int,
    cosine: Float64,
    sine: Float64,
) -> None:
    """Take all windows of a series to its n-th bar, the last of `ring`."""
    for w in range(len(WINDOWS)):
        window, first, last = WINDOWS[w], FIRST[w], FIRST[w + 1]
        if still >= window:
            real[first:last], imaginary[first:last] = 0.0, 0.0
            continue
        oldest = moved(ring[(n - 1 - window) & (RING - 1)])
        slide(real, imaginary, first, last, newest - oldest, cosine, sine)
        every = window // PARTS
        if n & (every - 1) == every // 2:
            size = (last - first) // PARTS
            first += (n // every) % PARTS * size
            refresh(ring, n, window, first, real[first : first + size], imaginary[first : first + size])


@njit(cache=True)
def power_of(real: Float64, imaginary: Float64, power: Float64) -> None:
    """Write the one-sided power of all windows' bins: twice |A_k|^2, once at the Nyquist bins."""
    for b in range(BINS):
        power[b] = COUNTED[b] * (real[b] * real[b] + imaginary[b] * imaginary[b])


@njit(cache=True)
def phase_of(real: float, imaginary: float, cosine: float, sine: float) -> tuple[float, float]:
    """Return sine and cosine of the angle of (real + i imaginary) (cosine + i sine)."""
    x, y = real * cosine - imaginary * sine, real * sine + imaginary * cosine
    length = math.sqrt(x * x + y * y)
    return y / length, x / length
