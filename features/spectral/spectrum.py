"""What a spectrum looks like: shares of bands, centre, width, concentration, slope, dominant bin."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from features.spectral.sliding_dft import FIRST, WINDOWS
from features.spectral.sums import added, dot, largest, logarithms
from schema.ticks import Float64

LOW, HIGH = 0.1, 0.3  # cycles a bar: where the bands are split
ROLL_OFF: Final = 0.85
FLOOR, TIE = 1e-12, 1e-9
LAST_LOW: Final = tuple(int(LOW * w) for w in WINDOWS)  # bins; none stands at 0.1 or 0.3
LAST_MID: Final = tuple(int(HIGH * w) for w in WINDOWS)
BIN: Final = np.concatenate([np.arange(1.0, w // 2 + 1) for w in WINDOWS])


def _slope_weights(bins: int) -> np.ndarray:
    """Return what the least-squares slope against log frequency weighs each bin with."""
    x = np.log(np.arange(1, bins + 1, dtype=np.longdouble))
    x -= x.mean()
    return (x / (x * x).sum()).astype(np.float64)


SLOPE: Final = np.concatenate([_slope_weights(w // 2) for w in WINDOWS])


@njit(cache=True)
def floored(share: Float64, result: Float64) -> None:
    for b in range(len(share)):
        result[b] = share[b] if share[b] > FLOOR else FLOOR


@njit(cache=True)
def scaled(values: Float64, factor: float) -> None:
    for b in range(len(values)):
        values[b] *= factor


@njit(cache=True)
def dominant_of(share: Float64) -> int:
    """Return the lowest bin (from 1) within TIE of the largest."""
    least = (1.0 - TIE) * largest(share)
    b = 0
    while share[b] < least:
        b += 1
    return b + 1


@njit(cache=True)
def roll_off_of(share: Float64) -> int:
    """Return the lowest bin (from 1) up to which ROLL_OFF of the power lies."""
    wanted, below, b = ROLL_OFF * (1.0 - TIE), 0.0, 0
    part = added(share[:8])
    while b + 8 < len(share) and below + part < wanted:
        below, b = below + part, b + 8
        part = added(share[b : b + 8])
    while b < len(share) - 1 and below + share[b] < wanted:
        below, b = below + share[b], b + 1
    return b + 1


@njit(cache=True)
def distance(x: Float64, y: Float64, y_factor: float, room: Float64) -> float:
    """Return the root of the sum of (x - y_factor * y)^2."""
    for b in range(len(x)):
        change = x[b] - y_factor * y[b]
        room[b] = change * change
    return math.sqrt(added(room))


@njit(cache=True)
def entropy_of(share: Float64, log: Float64) -> float:
    """Return the entropy over that of a flat spectrum."""
    return min(max(-dot(share, log) / math.log(len(share)), 0.0), 1.0)


@njit(cache=True, error_model="numpy")
def describe(w: int, share: Float64, log: Float64, room: Float64, out: Float64) -> int:
    """Write the first eleven columns of window w and return its dominant bin."""
    bins, window = len(share), WINDOWS[w]
    number, slope = BIN[FIRST[w] : FIRST[w] + bins], SLOPE[FIRST[w] : FIRST[w] + bins]
    floored(share, room)
    logarithms(room, log)
    out[0] = added(share[: LAST_LOW[w]])
    out[1] = added(share[LAST_LOW[w] : LAST_MID[w]])
    out[2] = added(share[LAST_MID[w] :])
    centroid = dot(number, share)
    out[3] = centroid / window
    out[4] = entropy_of(share, log)
    out[5] = min(bins * math.exp(added(log) / bins), 1.0)
    dominant = dominant_of(share)
    out[6] = window / dominant
    for b in range(bins):
        room[b] = (number[b] - centroid) * (number[b] - centroid)
    out[7] = math.sqrt(dot(room, share)) / window
    out[8] = roll_off_of(share) / window
    out[9] = dot(slope, log)
    out[10] = share[dominant - 1]
    return dominant
