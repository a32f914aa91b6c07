"""The discrete Fourier transform of the last 64 log returns, kept up to date bar by bar.

X slides: X_k <- (X_k + newest - oldest) exp(2 pi i k / 64), undamped. Roundings would gather without end, so it is
computed afresh once a lap; and whoever reads it does so too where the power has fallen far below what X has seen.

Source: Jacobsen and Lyons (2003), The Sliding DFT.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit

from features.inputs import past
from schema.ticks import Float64, UInt8

WINDOW, BINS = 64, 32
COS: Final = np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)
SIN: Final = np.sin(2.0 * np.pi * np.arange(WINDOW) / WINDOW)


class State(NamedTuple):
    real: Float64  # (series, BINS) X_k of k = 1 ..
    imaginary: Float64  # (series, BINS)
    largest: Float64  # (series,) largest |log return| that X has seen since it was computed afresh
    share: Float64  # (series, BINS) P_k / sum of P, of the bar before
    defined: UInt8  # (series,) whether that bar had any


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    real, imaginary, share = (np.zeros((n, BINS)) for _ in range(3))
    return State(real, imaginary, np.zeros(n), share, np.zeros(n, np.uint8))


@njit(cache=True)
def transform(state: State, returns: Float64, i: int, n: int) -> None:
    """Compute X of the last WINDOW returns afresh."""
    state.real[i, :], state.imaginary[i, :], state.largest[i] = 0.0, 0.0, 0.0
    for j in range(WINDOW):
        value = past(returns, i, n, WINDOW - 1 - j)
        state.largest[i] = max(state.largest[i], abs(value))
        for b in range(BINS):
            angle = (j * (b + 1)) % WINDOW
            state.real[i, b] += value * COS[angle]
            state.imaginary[i, b] -= value * SIN[angle]


@njit(cache=True)
def slide(state: State, i: int, newest: float, oldest: float) -> None:
    state.largest[i] = max(state.largest[i], abs(newest))
    for b in range(BINS):
        real, imaginary = state.real[i, b] + (newest - oldest), state.imaginary[i, b]
        state.real[i, b] = real * COS[b + 1] - imaginary * SIN[b + 1]
        state.imaginary[i, b] = real * SIN[b + 1] + imaginary * COS[b + 1]


@njit(cache=True)
def power_of(state: State, i: int, power: Float64) -> float:
    """Write P_k and return their sum."""
    total = 0.0
    for b in range(BINS):
        power[b] = state.real[i, b] ** 2 + state.imaginary[i, b] ** 2
        if b < BINS - 1:
            power[b] *= 2.0
        total += power[b]
    return total
