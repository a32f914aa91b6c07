"""Stacking: the weights of a vote that would have given what happened the highest likelihood.

Members' predictive distributions are mixed, not their numbers (Yao, Vehtari, Simpson and Gelman 2018, "Using stacking
to average Bayesian predictive distributions", section 3): the weights maximise the sum of log sum_m w_m p_m(y) over
rows that no member was fitted on. That is concave in them, and the same mixture that the vote makes when it is served.
"""

from __future__ import annotations

import numpy as np

from models.config import LABEL_CLIP
from schema.ticks import Float64

_STEPS = 500
_EVEN = 10.0  # rows' worth of "all alike" that is mixed in: a short slice can't rule a member out


def log_density(mean: Float64, log_variance: Float64, y: Float64) -> Float64:
    """Return the Gaussian log density of labels, all of one shape; labels are clipped as in every likelihood."""
    error = np.clip(y, -LABEL_CLIP, LABEL_CLIP) - mean
    found: Float64 = -0.5 * (np.log(2 * np.pi) + log_variance + error * error * np.exp(-log_variance))
    return found


def stack(log_densities: Float64) -> Float64:
    """Return the weights (M,) of M members by the log densities (M, n) they gave to what happened, by EM."""
    members, n = log_densities.shape
    density = np.exp(log_densities - log_densities.max(axis=0))  # (M, n)
    weights = np.full(members, 1 / members)
    for _ in range(_STEPS):
        share = weights[:, None] * density
        share /= share.sum(axis=0)  # how much of each row each member explains
        before, weights = weights, (share.sum(axis=1) + _EVEN / members) / (n + _EVEN)
        if np.abs(weights - before).max() < 1e-9:
            break
    return weights
