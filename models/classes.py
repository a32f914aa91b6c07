"""From predicted mean and variance to classes, votes, confidence and risk.

Means and variances come in units of the label: the return over h bars divided by sigma_t sqrt(h). There the class
bounds lie at +-0.43, and with the normal distribution

    p_down = Phi((-0.43 - mean) / s)    p_up = Phi((mean - 0.43) / s)    p_sideways = the rest,

of which the calibrated map (a, b, c) makes the softmax of a log p, with b + c log(h / primary) added to sideways.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.direction import direction_of
from schema.predictions import Risk
from schema.ticks import Float64, Int32, Int64

BOUND: Final = 0.43
RISK_WINDOW: Final = 250  # predicted volatilities of the series that a new one is ranked among
RISK_LEAST: Final = 30  # until there are so many of them, the risk is MEDIUM
_LEAST_P = 1e-9
_LOW, _MEDIUM, _HIGH = int(Risk.LOW), int(Risk.MEDIUM), int(Risk.HIGH)


@njit(cache=True)
def _phi(z):  # type: ignore[no-untyped-def]
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@njit(cache=True)
def normal_classes(mean, log_variance):  # type: ignore[no-untyped-def]
    """Return (n, 3) log probabilities down, sideways, up of the normal distribution, none below log 1e-9."""
    out = np.empty((len(mean), 3))
    for k in range(len(mean)):
        s = math.exp(0.5 * log_variance[k])
        down, up = _phi((-BOUND - mean[k]) / s), _phi((mean[k] - BOUND) / s)
        out[k, 0] = math.log(max(down, _LEAST_P))
        out[k, 1] = math.log(max(1.0 - down - up, _LEAST_P))
        out[k, 2] = math.log(max(up, _LEAST_P))
    return out


@njit(cache=True)
def normal_crps(y, mean, log_variance):  # type: ignore[no-untyped-def]
    """Return the continuous ranked probability score (n,) of normal distributions, in the unit of y."""
    out = np.empty(len(y))
    for k in range(len(y)):
        s = math.exp(0.5 * log_variance[k])
        z = (y[k] - mean[k]) / s
        density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        out[k] = s * (z * (2.0 * _phi(z) - 1.0) + 2.0 * density - 1.0 / math.sqrt(math.pi))
    return out


@njit(cache=True)
def map_classes(log_p, temperature, sideways):  # type: ignore[no-untyped-def]
    """Return (n, 3) probabilities: the softmax of `temperature * log_p`, with `sideways` added to the middle."""
    out = np.empty_like(log_p)
    for k in range(len(log_p)):
        down, middle, up = temperature * log_p[k, 0], temperature * log_p[k, 1] + sideways, temperature * log_p[k, 2]
        top = max(down, middle, up)
        down, middle, up = math.exp(down - top), math.exp(middle - top), math.exp(up - top)
        total = down + middle + up
        out[k, 0], out[k, 1], out[k, 2] = down / total, middle / total, up / total
    return out


class Vote(NamedTuple):
    """What the members say together, arrays of shape (n,), returns in log units."""

    expected_return: Float64
    volatility: Float64
    probabilities: Float64  # (n, 3) down, sideways, up
    confidence: Float64
    direction: NDArray[np.int8]


def vote(
    means: Float64, log_variances: Float64, probabilities: Float64, weights: Float64, unit: Float64, threshold: float
) -> Vote:
    """Mix M members: means and log variances (M, n) and probabilities (M, n, 3) by weights (M,) or (M, n).

    A member whose mean is NaN has no vote in that row: the others' weights are made to add up to 1; one has to speak.
    `unit` (n,) is sigma_t sqrt(h). The variance is the mixture's, so members that disagree widen it. The
    direction at `threshold` is `models.direction`'s.
    """
    n = len(unit)
    out = Vote(np.empty(n), np.empty(n), np.empty((n, 3)), np.empty(n), np.empty(n, np.int8))
    shares = np.where(np.isfinite(means), weights.reshape(len(means), -1), 0.0)
    _vote(means, log_variances, probabilities, shares / shares.sum(axis=0), unit, threshold, *out)
    return out


_direction_of = njit(cache=True)(direction_of)


@njit(cache=True)
def _vote(  # type: ignore[no-untyped-def]
    means, log_variances, member_p, shares, unit, threshold, expected, volatility, p, confidence, direction
):
    for k in range(len(unit)):
        mean = second = down = middle = up = 0.0
        for m in range(len(shares)):
            share = shares[m, k]
            if share == 0.0:  # nothing said
                continue
            mean += share * means[m, k]
            second += share * (math.exp(log_variances[m, k]) + means[m, k] * means[m, k])
            down += share * member_p[m, k, 0]
            middle += share * member_p[m, k, 1]
            up += share * member_p[m, k, 2]
        expected[k] = mean * unit[k]
        volatility[k] = math.sqrt(max(second - mean * mean, 0.0)) * unit[k]
        p[k, 0], p[k, 1], p[k, 2] = down, middle, up
        confidence[k] = max(up, down) / (up + down)
        direction[k] = _direction_of(down, middle, up, confidence[k], threshold)


@njit(cache=True)
def rank_risk(  # type: ignore[no-untyped-def]
    symbol: Int32, rows: Int64, volatility: Float64, ring: Float64, count: Int64, risk: NDArray[np.int8]
):
    """Rank each volatility among the series' last 250 by terciles, then add it to them (ring (S, 250), count (S,))."""
    for k in range(len(rows)):
        i = symbol[rows[k]]
        n = min(count[i], RISK_WINDOW)
        below = 0
        for j in range(n):
            below += ring[i, j] < volatility[k]
        if n < RISK_LEAST:
            risk[k] = _MEDIUM
        else:
            risk[k] = _LOW if 3 * below < n else (_HIGH if 3 * below >= 2 * n else _MEDIUM)
        ring[i, count[i] % RISK_WINDOW] = volatility[k]
        count[i] += 1


@njit(cache=True)
def move(price, log_return):  # type: ignore[no-untyped-def]
    """Return the prices (n,) after log returns."""
    out = np.empty(len(price))
    for k in range(len(price)):
        out[k] = price[k] * math.exp(log_return[k])
    return out
