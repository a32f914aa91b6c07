"""Bidirectional LSTM with attention over the window (Zhou et al. 2016, ACL P16-2034).

u = layer_norm(W x + b)              every row of the window
y = LSTM forth and back over u
a = softmax over rows of v tanh(y)   how much each row counts
heads = linear(sum of a y, y of the last row)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.architectures import WindowNet, architecture, searched
from models.architectures.heads import Heads


@architecture("lstm_bidirectional", hidden=8, window=6)
@searched(hidden=(16, 32, 48, 96), window=(16, 32, 64, 128))
class BidirectionalLSTM(WindowNet):
    """One layer of `hidden` units each way."""

    def __init__(self, inputs: int, horizons: int, *, hidden: int = 48, window: int = 64) -> None:
        super().__init__()
        self.window = window
        self.input = nn.Linear(inputs, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.cell = nn.LSTM(hidden, hidden, batch_first=True, bidirectional=True)
        self.attention = nn.Linear(2 * hidden, 1, bias=False)
        self.output = Heads(4 * hidden, horizons)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.cell(self.norm(self.input(x)))  # (B, W, 2D)
        weights = self.attention(torch.tanh(y)).softmax(1)  # (B, W, 1)
        context = (weights * y).sum(1)  # (B, 2D)
        heads: Tensor = self.output(torch.cat((context, y[:, -1]), -1))  # (B, H, 2)
        return heads
