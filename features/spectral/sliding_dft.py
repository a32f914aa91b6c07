"""The discrete Fourier transforms of the last 32, 64, 128 and 256 log returns, kept up to date bar by bar.

A_k = sum of r_m exp(-2 pi i k m / W) over the window, m the return's own number, so that a bar adds (newest - oldest)
exp(-2 pi i k n / W) and turns nothing: undamped, and roundings only add up. A lap away with them: every W / 2 bars half
of the bins are computed afresh, each window at bars of its own, so that none has too much to do. The four windows lie
side by side, bins 1 .. W / 2 of each, real and imaginary parts apart, and are gone through eight bins at a time.

Source: Duda (2010), Accurate, Guaranteed Stable, Sliding Discrete Fourier Transform.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from features.lanes.arithmetic import every, fma, total
from features.lanes.kinds import LANES, Lanes, Row
from features.lanes.memory import load, store
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
BY_TURNS: Final = np.where(np.arange(1, LANES + 1) % 2 == 1, -1.0, 1.0)  # what half a window turns a bin by


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
def turned(n: int, cosine: Row, sine: Row) -> None:
    """Write how far each bin has turned at the n-th bar."""
    for b in range(BINS):
        at = (n * STEP[b]) & (LONGEST - 1)
        cosine[b], sine[b] = COS[at], SIN[at]


@njit(cache=True, inline="always")
def power(x: Lanes, y: Lanes, b: int) -> Lanes:
    """Return the one-sided power of the bins from place b on: twice |A_k|^2, once at the Nyquist bin."""
    return load(COUNTED, b) * fma(x, x, y * y)


@njit(cache=True, inline="always")
def slid(x: Lanes, y: Lanes, change: float, cosine: Row, sine: Row, b: int) -> tuple[Lanes, Lanes]:
    """Return the bins from place b on, x + iy before, with the change at this bar."""
    return fma(every(change), load(cosine, b), x), fma(every(-change), load(sine, b), y)


@njit(cache=True, inline="always")
def due(n: int, window: int, first: int, last: int) -> tuple[int, int]:
    """Return which of a window's bins first .. last - 1 are to be computed afresh at the n-th bar: begin and end."""
    often = window // PARTS
    size = (last - first) // PARTS if n & (often - 1) == often // 2 else 0
    begin = first + n // often % PARTS * size
    return begin, begin + size


@njit(cache=True)
def refresh(returns: Row, window: int, place: int, begin: int, end: int, x: Row, y: Row) -> None:
    """Compute bins begin .. end - 1 of x + iy afresh, by Horner's rule, from W returns, that of number m at m modulo W.

    Between two returns that are half a window apart even bins turn by a whole number and odd ones by half a turn more:
    their sums and differences need half the steps. `place` is where x begins among the bins of all windows.
    """
    by_turns, half = load(BY_TURNS, 0), window // 2
    for b in range(begin, end, LANES):
        cosine, sine = load(STEP_COS, place + b), load(STEP_SIN, place + b)
        p, q, back = every(0.0), every(0.0), every(0.0) - sine
        for j in range(half - 1, -1, -1):
            value = fma(by_turns, every(returns[half + j]), every(returns[j]))
            p, q = fma(p, cosine, fma(q, sine, value)), fma(q, cosine, p * back)
        store(x, b, p)
        store(y, b, q)


@njit(cache=True, inline="always")
def power_of(x: Row, y: Row, first: int, last: int, of_bin: Row) -> float:
    """Write the one-sided power of bins first .. last - 1; return its sum."""
    every_bin = every(0.0)
    for b in range(first, last, LANES):
        p = power(load(x, b), load(y, b), b)
        store(of_bin, b, p)
        every_bin = every_bin + p
    return total(every_bin)


@njit(cache=True, inline="always")
def phase_of(real: float, imaginary: float, cosine: float, sine: float) -> tuple[float, float]:
    """Return sine and cosine of the angle of (real + i imaginary) (cosine + i sine)."""
    x, y = real * cosine - imaginary * sine, real * sine + imaginary * cosine
    length = math.sqrt(x * x + y * y)
    return y / length, x / length
