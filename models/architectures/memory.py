"""Leaky memory: a causal mean in which a row weighs exp(-1 / span) of the next (an exponential moving average)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from models.architectures.layers import Layer, Pieces


class LeakyMean(Layer):
    """mean = mean + (1 - decay) (u - mean), decay = exp(-1 / span); no parameters. State: the mean of each unit.

    A sequence is one product with the matrix of the weights that each row has in each later mean.
    """

    def __init__(self, units: int, span: float) -> None:
        super().__init__()
        self.state_size, self.rate = units, -1.0 / span  # log of the decay

    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Pieces]:
        T = u.shape[1]
        since = torch.arange(T, device=u.device, dtype=u.dtype)
        powers = torch.exp(self.rate * (since[:, None] - since)).tril()  # (T, T): in the mean of row t, of row j
        mean = -math.expm1(self.rate) * torch.einsum("ts,bsd->btd", powers, u)  # (B, T, D)
        mean = mean + torch.exp(self.rate * (since + 1.0))[:, None] * state.unsqueeze(1)
        return mean, (mean[:, -1],)
