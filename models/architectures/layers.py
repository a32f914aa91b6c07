"""Step nets made of layers that each carry a piece of the state: the same code runs one bar and whole sequences."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.architectures import StepNet
from models.architectures.heads import Heads

Pieces = tuple[Tensor, ...]  # of a state, side by side: they are copied together once, by the net


class Layer(nn.Module):
    """Maps sequences (B, T, D) causally, from a state (B, K) that is zero before the first row of a symbol."""

    state_size: int  # K

    @abstractmethod
    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Pieces]:
        """Return outputs (B, T, E) and, in pieces, the state (B, K) after the last row."""


class LayeredNet(StepNet):
    """Inputs to `hidden` units, layers one after another, heads. A step is a sequence of one row."""

    def __init__(self, inputs: int, hidden: int, horizons: int, layers: Sequence[Layer]) -> None:
        super().__init__()
        self.input, self.norm = nn.Linear(inputs, hidden), nn.LayerNorm(hidden)
        self.layers = nn.ModuleList(layers)
        self.last, self.output = nn.LayerNorm(hidden), Heads(hidden, horizons)
        self.sizes = [layer.state_size for layer in layers]
        self.state_size = sum(self.sizes)

    def encode(self, x: Tensor) -> Tensor:
        return functional.silu(self.norm(self.input(x)))  # (..., D)

    def run(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Run encoded sequences (B, T, D) through the layers: outputs (B, T, E) and the last states (B, K)."""
        after: Pieces = ()
        for layer, part in zip(self.layers, state.split(self.sizes, -1), strict=True):
            u, last = layer(u, part)
            after += last
        return u, torch.cat(after, -1)

    def advance(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        y, state = self.run(u.unsqueeze(1), state)
        return y.squeeze(1), state

    def heads(self, y: Tensor) -> Tensor:
        heads: Tensor = self.output(self.last(y))
        return heads

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        y, state = self.run(self.encode(x), state)  # (B, T, E), (B, K)
        return self.heads(y), state


def extend(rows: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
    """Put the R rows before a sequence in front of it: rows (B, T, D) and cache (B, R D), zero where there were none.

    Returns the rows (B, R + T, D) and the cache of the next sequence.
    """
    before = cache.unflatten(1, (-1, rows.shape[2]))  # (B, R, D)
    both = torch.cat((before, rows), 1)
    return both, both[:, both.shape[1] - before.shape[1] :].flatten(1)
