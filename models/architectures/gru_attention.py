"""GRU, then attention over its outputs with a positional encoding (Vaswani et al. 2017, section 3.5).

u = layer_norm(W x + b)              every row of the window
y = GRU(u) + sines and cosines of the row's place
heads = linear(layer_norm(y_last + attention of y_last over y))
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from models.architectures import WindowNet, architecture, searched
from models.architectures.heads import Heads


@architecture("gru_attention", hidden=8, window=6, heads=2)
@searched(hidden=(16, 32, 48, 96), window=(16, 32, 64, 128), heads=(2, 4, 8))
class AttentiveGRU(WindowNet):
    """`hidden` units, a multiple of the number of attention heads and even."""

    position: Tensor  # (W, D)

    def __init__(self, inputs: int, horizons: int, *, hidden: int = 48, window: int = 64, heads: int = 4) -> None:
        super().__init__()
        self.window = window
        self.input = nn.Linear(inputs, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.cell = nn.GRU(hidden, hidden, batch_first=True)
        self.register_buffer("position", positions(window, hidden), persistent=False)
        self.attention = nn.MultiheadAttention(hidden, heads, batch_first=True)
        self.norm_output = nn.LayerNorm(hidden)
        self.output = Heads(hidden, horizons)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.cell(self.norm(self.input(x)))  # (B, W, D)
        y = y + self.position
        last = y[:, -1:]  # (B, 1, D)
        context, _ = self.attention(last, y, y, need_weights=False)
        heads: Tensor = self.output(self.norm_output(last + context)[:, 0])  # (B, H, 2)
        return heads


def positions(window: int, size: int) -> Tensor:
    """Return sines and cosines (W, D) of places at wavelengths from 2 pi to 10,000 * 2 pi rows."""
    frequency = torch.exp(torch.arange(0, size, 2) * (-math.log(10_000.0) / size))  # (D / 2,)
    angle = torch.arange(window).unsqueeze(1) * frequency  # (W, D / 2)
    return torch.stack((angle.sin(), angle.cos()), -1).flatten(1)
