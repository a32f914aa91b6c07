"""The common heads: mean and log variance of the label at every horizon, in one linear layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Heads(nn.Linear):
    """From hidden units (..., D) to (..., H, 2). Starts near "no change, variance sigma_t squared"."""

    def __init__(self, hidden: int, horizons: int) -> None:
        super().__init__(hidden, 2 * horizons)
        self.horizons = horizons
        nn.init.normal_(self.weight, std=0.01)
        nn.init.zeros_(self.bias)

    def forward(self, y: Tensor) -> Tensor:
        mean, log_variance = super().forward(y).unflatten(-1, (self.horizons, 2)).unbind(-1)  # (..., H) each
        return torch.stack((mean, log_variance.clamp(-6.0, 6.0)), -1)  # (..., H, 2)
