"""From tokens to the common heads, with Monte Carlo dropout by option (Gal and Ghahramani 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.architectures.heads import Heads

_MASK_SEED = 20161


class Readout(nn.Module):
    """The newest token and the mean of all, one hidden layer, the heads.

    The S masks of `sampled` are drawn once and kept with the weights: the same S thinned nets answer for every row, so
    that a row's answer depends neither on its neighbours nor on how often the net was asked.
    """

    masks: Tensor
    output: Heads

    def __init__(self, width: int, hidden: int, horizons: int, dropout: float, samples: int) -> None:
        super().__init__()
        self.hidden, self.drop = nn.Linear(2 * width, hidden), nn.Dropout(dropout)
        self.output = Heads(hidden, horizons)
        draws = torch.rand(samples, hidden, generator=torch.Generator().manual_seed(_MASK_SEED))
        self.register_buffer("masks", (draws >= dropout).float() / (1 - dropout))

    def forward(self, tokens: Tensor) -> Tensor:
        heads: Tensor = self.output(self.drop(self._seen(tokens)))  # (B, H, 2)
        return heads

    def sampled(self, tokens: Tensor) -> Tensor:
        """Return the heads (B, S, H, 2) of the S thinned nets."""
        heads: Tensor = self.output(self._seen(tokens).unsqueeze(1) * self.masks)
        return heads

    def _seen(self, tokens: Tensor) -> Tensor:
        return functional.silu(self.hidden(torch.cat((tokens[:, -1], tokens.mean(1)), -1)))  # (B, hidden)


def mixed(heads: Tensor) -> Tensor:
    """Return mean and log variance (B, H, 2) of a mixture of Gaussians (B, S, H, 2): what they differ by counts too."""
    mean, log_variance = heads.unbind(-1)
    variance = log_variance.exp().mean(1) + mean.var(1, unbiased=False)
    return torch.stack((mean.mean(1), variance.log()), -1)
