"""What a spectrum looks like: shares of bands, centre, width, concentration, slope, dominant bin."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from features.lanes.arithmetic import every, first_at_least, fma, larger, most, total
from features.lanes.kinds import LANES, Row
from features.lanes.logarithm import logarithm
from features.lanes.memory import load, store
from features.spectral.sliding_dft import WINDOWS
from schema.ticks import Float64

LOW, HIGH = 0.1, 0.3  # cycles a bar: where the bands are split
ROLL_OFF: Final = 0.85
FLOOR, TIE = 1e-12, 1e-9
BIN: Final = np.concatenate([np.arange(1.0, w // 2 + 1) for w in WINDOWS])
_FREQUENCY = np.concatenate([np.arange(1, w // 2 + 1) / w for w in WINDOWS])
IN_LOW: Final = np.where(_FREQUENCY < LOW, 1.0, 0.0)  # no bin stands at 0.1 or 0.3
IN_HIGH: Final = np.where(_FREQUENCY > HIGH, 1.0, 0.0)
IN_MID: Final = 1.0 - IN_LOW - IN_HIGH
LOG_BINS: Final = np.log(np.maximum(np.arange(WINDOWS[-1] // 2 + 1), 1))  # of so many bins


def _slope_weights(bins: int) -> Float64:
    """Return what the least-squares slope against log frequency weighs each bin with."""
    x = np.log(np.arange(1, bins + 1, dtype=np.longdouble))
    x -= x.mean()
    weights: Float64 = (x / (x * x).sum()).astype(np.float64)
    return weights


SLOPE: Final = np.concatenate([_slope_weights(w // 2) for w in WINDOWS])


class Sums(NamedTuple):
    """Over the bins of a window, p their shares of the power."""

    low: float  # of p in the band
    mid: float
    high: float
    bins: float  # of bin * p
    information: float  # of p log p
    logs: float  # of log p
    slope: float  # of weight * log p
    change: float  # of (p - p of the bar before)^2
    most: float  # largest p


@njit(cache=True, inline="always")
def shares_of(
    first: int, last: int, share: Row, factor: float, before: Row, factor_before: float, eighths: Row
) -> Sums:
    """Turn a window's power into shares, and sum up. `eighths` gets the sum of each eight bins that lie together."""
    low = mid = high = bins = information = logs = slope = change = peak = every(0.0)
    scale, scale_before, floor = every(factor), every(-factor_before), every(FLOOR)
    for b in range(first, last, LANES):
        p = load(share, b) * scale
        apart = fma(load(before, b), scale_before, p)
        log = logarithm(larger(p, floor))
        store(share, b, p)
        eighths[b // LANES] = total(p)
        low, mid, high = fma(load(IN_LOW, b), p, low), fma(load(IN_MID, b), p, mid), fma(load(IN_HIGH, b), p, high)
        bins, peak, change = fma(load(BIN, b), p, bins), larger(peak, p), fma(apart, apart, change)
        information, logs, slope = fma(p, log, information), logs + log, fma(load(SLOPE, b), log, slope)
    return Sums(
        total(low), total(mid), total(high), total(bins), total(information), total(logs), total(slope), total(change),
        most(peak),
    )  # fmt: skip


@njit(cache=True, inline="always")
def squares_about(first: int, last: int, share: Row, centroid: float) -> float:
    """Return the sum of (bin - centroid)^2 p."""
    squares, centre = every(0.0), every(centroid)
    for b in range(first, last, LANES):
        apart = load(BIN, b) - centre
        squares = fma(apart * apart, load(share, b), squares)
    return total(squares)


@njit(cache=True, inline="always")
def dominant_of(share: Row, first: int, peak: float) -> int:
    """Return the lowest bin (its place) from `first` on within TIE of the largest."""
    least, b = (1.0 - TIE) * peak, first
    at = first_at_least(load(share, b), least)
    while at == LANES:
        b += LANES
        at = first_at_least(load(share, b), least)
    return b + at


@njit(cache=True, inline="always")
def roll_off_of(share: Row, eighths: Row, first: int, last: int) -> int:
    """Return the lowest bin (its place) up to which ROLL_OFF of the power lies."""
    wanted, below, b = ROLL_OFF * (1.0 - TIE), 0.0, first
    while b + LANES < last and below + eighths[b // LANES] < wanted:
        below, b = below + eighths[b // LANES], b + LANES
    while b < last - 1 and below + share[b] < wanted:
        below, b = below + share[b], b + 1
    return b


@njit(cache=True, inline="always")
def entropy_of(information: float, bins: int) -> float:
    """Return the entropy over that of a flat spectrum, given the sum of p log p."""
    entropy: float = min(max(-information / LOG_BINS[bins], 0.0), 1.0)
    return entropy


@njit(cache=True, inline="always")
def describe(
    window: int, first: int, last: int, share: Row, factor: float, before: Row, factor_before: float, eighths: Row,
    columns: Row,
) -> tuple[int, float]:  # fmt: skip
    """Write the first eleven columns of a window; return its dominant bin's place and the flux.

    `share` and `before` are its power and that of the bar before, the factors what makes shares of them.
    """
    bins, a_bar = last - first, 1.0 / window  # powers of two: exact
    sums = shares_of(first, last, share, factor, before, factor_before, eighths)
    dominant = dominant_of(share, first, sums.most)
    columns[0], columns[1], columns[2] = sums.low, sums.mid, sums.high
    columns[3] = sums.bins * a_bar
    columns[4] = entropy_of(sums.information, bins)
    columns[5] = min(bins * math.exp(sums.logs / bins), 1.0)
    columns[6] = window / (dominant - first + 1)
    columns[7] = math.sqrt(squares_about(first, last, share, sums.bins)) * a_bar
    columns[8] = (roll_off_of(share, eighths, first, last) - first + 1) * a_bar
    columns[9], columns[10] = sums.slope, share[dominant]
    return dominant, math.sqrt(sums.change)
