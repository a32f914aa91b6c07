"""The loss of the common heads."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def negative_log_likelihood(
    heads: Tensor, y: Tensor, counts: Tensor, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the sum and the number of Gaussian terms: heads (..., H, 2), labels (..., H) with NaN, counts (...).

    Terms are multiplied by `weights` (..., H) where there are any.
    """
    there = counts.unsqueeze(-1) & torch.isfinite(y)
    mean, log_variance = heads.unbind(-1)
    error = torch.where(there, y, 0.0) - mean
    terms = 0.5 * (math.log(2 * math.pi) + log_variance + error * error * torch.exp(-log_variance))
    if weights is not None:
        terms = terms * weights
    return torch.where(there, terms, 0.0).sum(), there.sum()
