"""A prediction at every horizon, from the heads that the members give in one pass anyway."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from models.classes import map_classes, normal_classes, vote
from models.labels import Float32
from models.metadata import Member
from schema.ticks import Float64


def member_classes(mean: Float64, log_variance: Float64, member: Member, horizon: int, primary: int) -> Float64:
    """Return a member's calibrated probabilities (n, 3) at a horizon; NaN where it has nothing to say."""
    temperature, sideways, slope = member.class_map
    shifted = sideways + slope * math.log(horizon / primary)
    p: Float64 = map_classes(normal_classes(mean, log_variance), temperature, shifted)
    p[np.isnan(mean)] = np.nan
    return p


def derived(mean: Float64, log_variance: Float64, member: Member) -> Float64:
    """Return heads (n, H, 2) of trees: the other horizons by the maps that were fitted to the primary one's."""
    means = mean[:, None] * np.array(member.mean_map)
    return np.stack((means, log_variance[:, None] + np.log(member.variance_map)), -1)


def paths(heads: Float64, members: Sequence[Member], weights: Float64, sigma: Float64, primary: int) -> Float32:
    """Mix M members' calibrated heads (M, n, H, 2) by weights (M,) or (M, n) at each horizon.

    `sigma` (n,) is the log return per bar that labels are measured in. Returns (n, H, 4): expected log return, its
    volatility, probability of down and of up.
    """
    out = np.empty((*heads.shape[1:3], 4), np.float32)
    for h in range(1, heads.shape[2] + 1):
        means, log_variances = heads[:, :, h - 1, 0], heads[:, :, h - 1, 1]
        p = np.stack([member_classes(m, s, member, h, primary) for m, s, member in zip(means, log_variances, members)])
        voted = vote(means, log_variances, p, weights, sigma * math.sqrt(h), 0.5)
        out[:, h - 1, 0], out[:, h - 1, 1] = voted.expected_return, voted.volatility
        out[:, h - 1, 2:] = voted.probabilities[:, ::2]
    return out
