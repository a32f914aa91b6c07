"""Gated recurrent unit on normalised inputs (Cho et al. 2014; layer norm: Ba et al. 2016).

u = silu(layer_norm(W x + b))        encode, no state
h = GRU(u, h)                        advance
heads = linear(h + u)                mean and log variance of each horizon
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.architectures import StepNet, architecture, searched
from models.architectures.heads import Heads


@architecture("gru", hidden=16)
@searched(hidden=(16, 32, 48, 96))
class GRU(StepNet):
    """One recurrent layer of `hidden` units."""

    def __init__(self, inputs: int, horizons: int, *, hidden: int = 48) -> None:
        super().__init__()
        self.state_size = hidden
        self.input = nn.Linear(inputs, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.cell = nn.GRU(hidden, hidden, batch_first=True)
        self.output = Heads(hidden, horizons)

    def encode(self, x: Tensor) -> Tensor:
        return functional.silu(self.norm(self.input(x)))  # (..., D)

    def advance(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        w_input, w_state, b_input, b_state = self.cell.all_weights[0]
        h = torch.gru_cell(u, state, w_input, w_state, b_input, b_state)  # (B, K)
        return h + u, h

    def heads(self, y: Tensor) -> Tensor:
        heads: Tensor = self.output(y)
        return heads

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        u = self.encode(x)  # (B, T, D)
        h, last = self.cell(u, state.unsqueeze(0).contiguous())  # (B, T, K), (1, B, K)
        return self.heads(h + u), last.squeeze(0)
