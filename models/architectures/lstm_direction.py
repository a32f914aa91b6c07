"""Two LSTM layers, attention with 4 heads and two heads: direction (down, sideways, up) and confidence.

u = layer_norm(W x + b)              every row of the window
y = LSTM of two layers over u
z = y_last + attention of y_last over y
direction = linear(z)                where the return lies, the location of an ordered probit (McCullagh 1980)
confidence = linear(z)               how narrowly, its log variance

Mapped onto the common heads without a loss: direction is the mean, confidence the log variance, in units of the label.
The three classes have the probabilities that a normal distribution gives them between the bounds +-0.43, as those of
every other net (models.classes). So cross-entropy over the classes trains both heads; each class weighs in inverse
proportion to how often it occurs among the labels of the mini-batch. The Gaussian likelihood is added to it, since the
classes alone don't say how large a move is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.architectures import WindowNet, architecture, searched
from models.classes import BOUND

_LEAST, _MOST = 0.2, 5.0  # of a class's weight: a mini-batch may hold few of one


@architecture("lstm_direction", hidden=8, window=6)
@searched(hidden=(16, 32, 64, 128), window=(16, 32, 64, 128), dropout=(0.0, 0.1, 0.3))
class DirectionLSTM(WindowNet):
    """`hidden` units in each of two layers; `hidden` is a multiple of 4."""

    def __init__(self, inputs: int, horizons: int, *, hidden: int = 64, window: int = 64, dropout: float = 0.0) -> None:
        super().__init__()
        self.window = window
        self.input = nn.Linear(inputs, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.cell = nn.LSTM(hidden, hidden, num_layers=2, dropout=dropout, batch_first=True)
        self.attention = nn.MultiheadAttention(hidden, 4, batch_first=True)
        self.direction = nn.Linear(hidden, horizons)
        self.confidence = nn.Linear(hidden, horizons)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.cell(self.norm(self.input(x)))  # (B, W, D)
        last = y[:, -1:]  # (B, 1, D)
        context, _ = self.attention(last, y, y, need_weights=False)
        z = (last + context)[:, 0]  # (B, D)
        return torch.stack((self.direction(z), self.confidence(z).clamp(-6.0, 6.0)), -1)  # (B, H, 2)

    def loss(self, heads: Tensor, y: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        likelihood, n = super().loss(heads, y, counts)
        there = counts.unsqueeze(-1) & torch.isfinite(y)  # (..., H)
        return likelihood + cross_entropy(heads[there], y[there]), n


def cross_entropy(heads: Tensor, y: Tensor) -> Tensor:
    """Return the sum of class-weighted cross-entropies of heads (n, 2) and labels (n,)."""
    mean, log_variance = heads.unbind(-1)
    deviation = torch.exp(0.5 * log_variance)
    low, high = torch.special.log_ndtr((-BOUND - mean) / deviation), torch.special.log_ndtr((mean - BOUND) / deviation)
    middle = torch.log((1 - low.exp() - high.exp()).clamp(min=1e-6))
    number = (y >= -BOUND).long() + (y >= BOUND).long()  # 0 down, 1 sideways, 2 up
    frequency = functional.one_hot(number, 3).float().mean(0)  # (3,)
    weight = (1 / (3 * frequency)).clamp(_LEAST, _MOST)
    log_p = torch.stack((low, middle, high), -1).gather(-1, number.unsqueeze(-1)).squeeze(-1)
    return -(weight[number] * log_p).sum()
