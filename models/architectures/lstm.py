"""Long short-term memory on normalised inputs (Hochreiter and Schmidhuber 1997; layer norm: Ba et al. 2016).

u = silu(layer_norm(W x + b))        encode, no state
h, c = LSTM(u, h, c)                 advance
heads = linear(layer_norm(h) + u)    mean and log variance of each horizon
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.architectures import StepNet, architecture, searched
from models.architectures.heads import Heads


@architecture("lstm", hidden=16)
@searched(hidden=(16, 32, 48, 96))
class LSTM(StepNet):
    """One recurrent layer of `hidden` units. The state is h, then c."""

    def __init__(self, inputs: int, horizons: int, *, hidden: int = 48) -> None:
        super().__init__()
        self.state_size = 2 * hidden
        self.input = nn.Linear(inputs, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.cell = nn.LSTM(hidden, hidden, batch_first=True)
        self.norm_output = nn.LayerNorm(hidden)
        self.output = Heads(hidden, horizons)

    def encode(self, x: Tensor) -> Tensor:
        return functional.silu(self.norm(self.input(x)))  # (..., D)

    def advance(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h, c = torch.lstm_cell(u, state.chunk(2, -1), *self.cell.all_weights[0])  # (B, D) each
        return self.norm_output(h) + u, torch.cat((h, c), -1)

    def heads(self, y: Tensor) -> Tensor:
        heads: Tensor = self.output(y)
        return heads

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        u = self.encode(x)  # (B, T, D)
        h, c = (part.unsqueeze(0).contiguous() for part in state.chunk(2, -1))  # (1, B, D) each
        y, (h, c) = self.cell(u, (h, c))  # (B, T, D)
        return self.heads(self.norm_output(y) + u), torch.cat((h[0], c[0]), -1)
