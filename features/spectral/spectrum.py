"""What a spectrum looks like: shares of bands, centre, width, concentration, slope, dominant bin."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from features.spectral.sliding_dft import BINS, FIRST, WINDOWS
from features.spectral.sums import added, largest
from schema.ticks import Float64

LOW, HIGH = 0.1, 0.3  # cycles a bar: where the bands are split
ROLL_OFF: Final = 0.85
FLOOR, TIE = 1e-12, 1e-9
LAST_LOW: Final = tuple(int(LOW * w) for w in WINDOWS)  # bins; none stands at 0.1 or 0.3
LAST_MID: Final = tuple(int(HIGH * w) for w in WINDOWS)
BOUNDS: Final = np.array(list(zip(FIRST, FIRST[1:], WINDOWS, LAST_LOW, LAST_MID)))  # tuples are slow to index
EIGHT: Final = 8  # bins that are added up together
ONES: Final = np.ones(BINS)
BIN: Final = np.concatenate([np.arange(1.0, w // 2 + 1) for w in WINDOWS])

LOG_BINS: Final = np.log(np.maximum(np.arange(WINDOWS[-1] // 2 + 1), 1))  # of so many bins


def _slope_weights(bins: int) -> Float64:
    """Return what the least-squares slope against log frequency weighs each bin with."""
    x = np.log(np.arange(1, bins + 1, dtype=np.longdouble))
    x -= x.mean()
    weights: Float64 = (x / (x * x).sum()).astype(np.float64)
    return weights


SLOPE: Final = np.concatenate([_slope_weights(w // 2) for w in WINDOWS])


@njit(cache=True)
def products(x: Float64, y: Float64, lanes: Float64, of_window: Float64) -> None:
    """Write each window's sum of x * y over its bins, 16 partial sums each; `lanes` is room for 64."""
    for b in range(16):
        lanes[b] = x[b] * y[b]
        lanes[16 + b] = x[16 + b] * y[16 + b] + x[32 + b] * y[32 + b]
        lanes[32 + b] = (x[48 + b] * y[48 + b] + x[64 + b] * y[64 + b]) + (
            x[80 + b] * y[80 + b] + x[96 + b] * y[96 + b]
        )
        lanes[48 + b] = (
            (x[112 + b] * y[112 + b] + x[128 + b] * y[128 + b]) + (x[144 + b] * y[144 + b] + x[160 + b] * y[160 + b])
        ) + ((x[176 + b] * y[176 + b] + x[192 + b] * y[192 + b]) + (x[208 + b] * y[208 + b] + x[224 + b] * y[224 + b]))
    for w in range(len(WINDOWS)):
        p = q = r = s = 0.0
        for b in range(0, 16, 4):
            p += lanes[16 * w + b]
            q += lanes[16 * w + b + 1]
            r += lanes[16 * w + b + 2]
            s += lanes[16 * w + b + 3]
        of_window[w] = (p + q) + (r + s)


@njit(cache=True)
def totals(x: Float64, lanes: Float64, of_window: Float64) -> None:
    """Write each window's sum of x over its bins."""
    products(x, ONES, lanes, of_window)


@njit(cache=True)
def spread(of_window: Float64, of_bin: Float64) -> None:
    """Write each window's number to all of its bins."""
    for b in range(FIRST[0], FIRST[1]):
        of_bin[b] = of_window[0]
    for b in range(FIRST[1], FIRST[2]):
        of_bin[b] = of_window[1]
    for b in range(FIRST[2], FIRST[3]):
        of_bin[b] = of_window[2]
    for b in range(FIRST[3], FIRST[4]):
        of_bin[b] = of_window[3]


@njit(cache=True)
def shares(
    power: Float64, factor: Float64, before: Float64, factor_before: Float64, change: Float64, floored: Float64
) -> None:
    """Turn power into shares; write the squared change of each and the share, or FLOOR, that a logarithm is of."""
    for b in range(BINS):
        p = power[b] * factor[b]
        apart = p - before[b] * factor_before[b]
        power[b], change[b], floored[b] = p, apart * apart, p if p > FLOOR else FLOOR


@njit(cache=True)
def distances(share: Float64, centroid: Float64, apart: Float64) -> None:
    """Write (bin - centroid)^2 share; `centroid` is that of each bin's window."""
    for b in range(BINS):
        apart[b] = (BIN[b] - centroid[b]) * (BIN[b] - centroid[b]) * share[b]


@njit(cache=True)
def dominant_of(share: Float64, first: int, last: int) -> int:
    """Return the lowest bin (its place) within TIE of the largest."""
    least = (1.0 - TIE) * largest(share, first, last)
    b = first
    while share[b] < least:
        b += 1
    return b


@njit(cache=True)
def eighths_of(share: Float64, eighths: Float64) -> None:
    """Write the sum of each eight bins that lie together."""
    for m in range(BINS // EIGHT):
        b = EIGHT * m
        p, q = share[b] + share[b + 4], share[b + 1] + share[b + 5]
        r, s = share[b + 2] + share[b + 6], share[b + 3] + share[b + 7]
        eighths[m] = (p + q) + (r + s)


@njit(cache=True)
def roll_off_of(share: Float64, eighths: Float64, first: int, last: int) -> int:
    """Return the lowest bin (its place) up to which ROLL_OFF of the power lies, given the sums of `eighths_of`."""
    wanted, below, b = ROLL_OFF * (1.0 - TIE), 0.0, max(first, 0)
    while b + EIGHT < last and below + eighths[b // EIGHT] < wanted:
        below, b = below + eighths[b // EIGHT], b + EIGHT
    while b < last - 1 and below + share[b] < wanted:
        below, b = below + share[b], b + 1
    return b


@njit(cache=True)
def entropy_of(information: float, bins: int) -> float:
    """Return the entropy over that of a flat spectrum, given the sum of p log p."""
    entropy: float = min(max(-information / LOG_BINS[bins], 0.0), 1.0)
    return entropy


@njit(cache=True, error_model="numpy")
def describe(
    w: int,
    share: Float64,
    eighths: Float64,
    centroid: float,
    apart: float,
    information: float,
    logs: float,
    slope: float,
) -> tuple[tuple[float, ...], int]:
    """Return the first eleven columns of window w and its dominant bin's place.

    Given are the sums of each eight bins, and over its bins those of k p, (k - centroid)^2 p, p log p, log p, and
    weighted log p.
    """
    first, last, window, low, mid = BOUNDS[w]
    a_bar, a_bin = 1.0 / window, 1.0 / (last - first)  # powers of two: exact
    dominant = dominant_of(share, first, last)
    columns = (
        added(share, first, first + low),
        added(share, first + low, first + mid),
        added(share, first + mid, last),
        centroid * a_bar,
        entropy_of(information, last - first),
        min((last - first) * math.exp(logs * a_bin), 1.0),
        window / (dominant - first + 1),
        math.sqrt(apart) * a_bar,
        (roll_off_of(share, eighths, first, last) - first + 1) * a_bar,
        slope,
        share[dominant],
    )
    return columns, dominant
