"""Bidirectional GRU with feature fusion: four views of the window, and a gate that says how much of each is used.

u = layer_norm(W x + b)              every row of the window
y = GRU forth and back over u
views = y of the last row, mean of y, maximum of y, u of the last row
heads = linear(sum over views of sigmoid(gate) * tanh(linear(view)))    (gated units: Arevalo et al. 2017, 1702.01992)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.architectures import WindowNet, architecture, searched
from models.architectures.heads import Heads


@architecture("gru_bidirectional", hidden=8, window=6)
@searched(hidden=(16, 32, 48, 96), window=(16, 32, 64, 128))
class BidirectionalGRU(WindowNet):
    """One layer of `hidden` units each way."""

    def __init__(self, inputs: int, horizons: int, *, hidden: int = 48, window: int = 64) -> None:
        super().__init__()
        self.window = window
        self.input = nn.Linear(inputs, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.cell = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        sizes = (2 * hidden, 2 * hidden, 2 * hidden, hidden)
        self.views = nn.ModuleList(nn.Linear(size, hidden) for size in sizes)
        self.gates = nn.Linear(sum(sizes), len(sizes) * hidden)
        self.output = Heads(hidden, horizons)

    def forward(self, x: Tensor) -> Tensor:
        u = self.norm(self.input(x))  # (B, W, D)
        y, _ = self.cell(u)  # (B, W, 2D)
        views = (y[:, -1], y.mean(1), y.amax(1), u[:, -1])
        gates = torch.sigmoid(self.gates(torch.cat(views, -1))).chunk(len(views), -1)  # (B, D) each
        fused = torch.zeros_like(u[:, -1])
        for gate, layer, view in zip(gates, self.views, views, strict=True):
            fused = fused + gate * torch.tanh(layer(view))
        heads: Tensor = self.output(fused)  # (B, H, 2)
        return heads
