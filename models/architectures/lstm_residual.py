"""Stacked LSTM with residual connections (as in Wu et al. 2016, arXiv 1609.08144, section 3.1; pre-norm).

u = W x + b                          encode, no state
u = u + LSTM_l(layer_norm_l(u))      advance, layer by layer
heads = linear(layer_norm(u))        mean and log variance of each horizon
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from models.architectures import StepNet, architecture, searched
from models.architectures.heads import Heads


@architecture("lstm_residual", hidden=12, layers=2)
@searched(hidden=(16, 32, 48, 96), layers=(2, 3, 4))
class ResidualLSTM(StepNet):
    """`layers` recurrent layers of `hidden` units. The state is h and c of the first layer, then of the next."""

    def __init__(self, inputs: int, horizons: int, *, hidden: int = 48, layers: int = 3) -> None:
        super().__init__()
        self.state_size = layers * 2 * hidden
        self.input = nn.Linear(inputs, hidden)
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(layers))
        self.cells = nn.ModuleList(nn.LSTM(hidden, hidden, batch_first=True) for _ in range(layers))
        self.norm_output = nn.LayerNorm(hidden)
        self.output = Heads(hidden, horizons)

    def encode(self, x: Tensor) -> Tensor:
        u: Tensor = self.input(x)  # (..., D)
        return u

    def advance(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        states = state.chunk(2 * len(self.cells), -1)  # (B, D) each: h, c, h, c, ...
        news: list[Tensor] = []
        for k, (norm, cell) in enumerate(zip(self.norms, self.cells, strict=True)):
            news += torch.lstm_cell(norm(u), states[2 * k : 2 * k + 2], *cast(nn.LSTM, cell).all_weights[0])
            u = u + news[-2]
        return u, torch.cat(news, -1)

    def heads(self, y: Tensor) -> Tensor:
        heads: Tensor = self.output(self.norm_output(y))
        return heads

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        u = self.encode(x)  # (B, T, D)
        states = state.unsqueeze(0).chunk(2 * len(self.cells), -1)  # (1, B, D) each
        news: list[Tensor] = []
        for k, (norm, cell) in enumerate(zip(self.norms, self.cells, strict=True)):
            y, last = cell(norm(u), (states[2 * k].contiguous(), states[2 * k + 1].contiguous()))  # (B, T, D)
            news += last
            u = u + y
        return self.heads(u), torch.cat(news, -1)[0]
