"""Tide: a net of one's own with a step form, two leaky averages of the inputs side by side.

u = silu(W x + b)                                        encode, no state
fast = fast + (u - fast) / 4, slow = slow + (u - slow) / 32        advance
heads = linear([u, u - fast, fast - slow])               mean and log variance of each horizon
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.architectures import StepNet, architecture
from models.architectures.heads import Heads

FAST, SLOW = 1 / 4, 1 / 32


@architecture("tide", hidden=8)
class Tide(StepNet):
    """`hidden` units, twice as many numbers of state."""

    def __init__(self, inputs: int, horizons: int, *, hidden: int = 24) -> None:
        super().__init__()
        self.state_size = 2 * hidden
        self.input = nn.Linear(inputs, hidden)
        self.output = Heads(3 * hidden, horizons)

    def encode(self, x: Tensor) -> Tensor:
        return functional.silu(self.input(x))  # (..., D)

    def advance(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        fast, slow = state.chunk(2, -1)  # (B, D) each
        fast, slow = fast + FAST * (u - fast), slow + SLOW * (u - slow)
        return torch.cat((u, u - fast, fast - slow), -1), torch.cat((fast, slow), -1)

    def heads(self, y: Tensor) -> Tensor:
        heads: Tensor = self.output(y)
        return heads

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        outputs = []
        for u in self.encode(x).unbind(1):  # T times (B, D)
            y, state = self.advance(u, state)
            outputs.append(y)
        return self.heads(torch.stack(outputs, 1)), state  # (B, T, H, 2), (B, K)
