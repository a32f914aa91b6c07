"""Causal attention over a band of rows, with relative positions and cached keys and values.

A row attends to itself and to the `band` - 1 rows `dilation`, 2 dilation, ... bars before it that there are. Positions
count as a learned bias a head and distance (Raffel et al. 2020, T5): no row has a number of its own, so that a cache
serves for ever. All heads read the same keys and values (Shazeer 2019, multi-query attention), so that it is small.
State: keys and values of the last (band - 1) * dilation rows, and how many of these there are.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.architectures.layers import Layer, Pieces, extend


class BandedAttention(Layer):
    """Scaled dot-product attention (Vaswani et al. 2017) of `heads` queries of `width` units, without residual.

    Keys have no bias: it would add the same to every score of a row.
    """

    def __init__(self, inputs: int, heads: int, width: int, band: int, dilation: int = 1) -> None:
        super().__init__()
        self.heads, self.width, self.band, self.dilation = heads, width, band, dilation
        self.back = (band - 1) * dilation  # rows before a row that it reads
        self.state_size = 2 * self.back * width + 1
        self.project = nn.Linear(inputs, (heads + 2) * width, bias=False)
        self.distance = nn.Parameter(torch.zeros(heads, band))

    def forward(self, u: Tensor, state: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Pieces]:
        """Return (B, T, heads * width). `bias` (B, T, heads, back + T) is added to the scores."""
        T, cached = u.shape[1], self.back * self.width
        query, key, value = self.project(u).split((self.heads * self.width, self.width, self.width), -1)
        keys, values, count = state.split((cached, cached, 1), -1)
        key, keys = extend(key, keys)  # (B, back + T, width)
        value, values = extend(value, values)
        query = query.reshape(u.shape[0], T * self.heads, self.width) / math.sqrt(self.width)
        scores = (query @ key.transpose(1, 2)).unflatten(1, (T, self.heads)) + self.mask(T, count)
        if bias is not None:
            scores = scores + bias
        share = functional.softmax(scores, -1)  # (B, T, heads, back + T)
        y = (share.flatten(1, 2) @ value).view(u.shape[0], T, -1)  # (B, T, heads * width)
        return y, (keys, values, (count + T).clamp(max=self.back))

    def mask(self, T: int, count: Tensor) -> Tensor:
        """Return the bias of the distances (B, T, heads, back + T), -inf where a row sees nothing.

        `count` (B, 1) says how many of the cached rows there are.
        """
        apart = distances(T, self.back, count.device)  # (T, back + T)
        step = apart.div(self.dilation, rounding_mode="floor").clamp(0, self.band - 1)
        unseen = (apart < 0) | (apart > self.back) | (apart % self.dilation != 0)
        there = torch.arange(self.back + T, device=count.device) >= self.back - count.clamp(min=0)  # (B, back + T)
        bias = self.distance[:, step].transpose(0, 1).masked_fill(unseen.unsqueeze(1), -math.inf)
        masked: Tensor = bias.masked_fill(~there[:, None, None], -math.inf)
        return masked


def distances(T: int, back: int, device: torch.device) -> Tensor:
    """Return by how many rows row t of a sequence lies behind each of the `back` rows before it and its own (T, .)."""
    return back + torch.arange(T, device=device)[:, None] - torch.arange(back + T, device=device)


class FeedForward(nn.Module):
    """u + linear(gelu(linear(layer_norm(u))))."""

    def __init__(self, hidden: int, widening: int = 2) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.wide, self.narrow = nn.Linear(hidden, widening * hidden), nn.Linear(widening * hidden, hidden)

    def forward(self, u: Tensor) -> Tensor:
        y: Tensor = self.narrow(functional.gelu(self.wide(self.norm(u))))
        return u + y


class AttentionBlock(Layer):
    """One layer of a transformer, normalised before each half (Xiong et al. 2020)."""

    def __init__(self, hidden: int, heads: int, width: int, band: int) -> None:
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(hidden), BandedAttention(hidden, heads, width, band)
        self.mix, self.feed_forward = nn.Linear(heads * width, hidden), FeedForward(hidden)
        self.state_size = self.attention.state_size

    def forward(self, u: Tensor, state: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Pieces]:
        y, last = self.attention(self.norm(u), state, bias)
        return self.feed_forward(u + self.mix(y)), last  # (B, T, D)
