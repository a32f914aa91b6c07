"""Transformer that measures time in volatility: rows are as far apart as the variance between them.

Prices move in bursts, and a bar of a burst is worth many quiet ones: returns are nearer to normal in a clock that runs
with variance (Clark 1973; Ané and Geman 2000). The clock of a row t counts variance in bars of the band's mean,
    elapsed(t, j) = sum of variance over j + 1 .. t / mean of variance over the band of t
and each head's scores fall by rate * elapsed, on top of the learned bias of the bars between (the linear bias of
ALiBi, Press et al. 2022, over that clock). How volatile a row is against its band,
    level(t) = log(variance(t) / mean of variance over the band of t),
is added to its inputs as a vector of sines and cosines (Vaswani et al. 2017) through a linear layer.
Variance is the square of `reference_volatility_60`, an input that is not scaled (models/data/named.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.architectures import architecture, searched
from models.architectures.attention import AttentionBlock, distances
from models.architectures.layers import LayeredNet, Pieces, extend
from models.architectures.options import check_places, check_range

_LEAST = 1e-20  # of a variance: below it a row counts as this volatile
_LEVEL = 5.0  # levels beyond it count as this much
_WAVES = 4  # sines and cosines of the level, with periods of 2 _LEVEL, _LEVEL, ...


@architecture("transformer_volatility", hidden=8, heads=2, width=4, band=8)
@searched(hidden=(16, 32, 64), layers=(1, 2, 3), heads=(2, 4, 8), band=(16, 32, 64))
class VolatilityTransformer(LayeredNet):
    """`layers` layers of `heads` heads of `width` units over `band` rows."""

    columns = ("reference_volatility_60",)

    def __init__(
        self, inputs: int, horizons: int, *, hidden: int = 32, layers: int = 2, heads: int = 4, width: int = 16,
        band: int = 32, places: Sequence[int] = (0,),
    ) -> None:  # fmt: skip
        check_range(
            "transformer_volatility", hidden=(hidden, 4, 512), layers=(layers, 1, 8), heads=(heads, 1, 16),
            width=(width, 4, 64), band=(band, 2, 512),
        )  # fmt: skip
        check_places("transformer_volatility", places, self.columns, inputs)
        super().__init__(inputs, hidden, horizons, [AttentionBlock(hidden, heads, width, band) for _ in range(layers)])
        self.band, self.volatility = band, places[0]
        self.level = nn.Linear(2 * _WAVES + 1, hidden, bias=False)
        rates = torch.exp2(-1.0 - torch.arange(heads, dtype=torch.float32))  # 1/2, 1/4, ... a bar, as ALiBi
        self.rate = nn.Parameter(rates.expm1().log())  # softplus of it is the rate
        self.state_size += band - 1  # the variances of the rows before, first in the state

    def encode(self, x: Tensor) -> Tensor:
        variance = x[..., self.volatility : self.volatility + 1].square() + _LEAST
        return torch.cat((super().encode(x), variance), -1)  # (..., D + 1)

    def run(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        cache, state = state.split((self.band - 1, self.state_size - self.band + 1), -1)
        u, variance = u[..., :-1], u[..., -1:]  # (B, T, D), (B, T, 1)
        rows, cache = extend(variance, cache)  # (B, band - 1 + T, 1)
        band = rows.squeeze(-1).clamp(min=0).unfold(1, self.band, 1)  # (B, T, band), the row last; 0 before the first
        usual = band.sum(-1, keepdim=True) / (band > 0).sum(-1, keepdim=True)  # (B, T, 1)
        u = u + self.level(waves(torch.log(band[..., -1:] / usual).clamp(-_LEVEL, _LEVEL)))
        bias = self.clock(band / usual)
        after: Pieces = (cache,)
        for layer, part in zip(self.layers, state.split(self.sizes, -1), strict=True):
            u, last = layer(u, part, bias)
            after += last
        return u, torch.cat(after, -1)

    def clock(self, variance: Tensor) -> Tensor:
        """Return the bias (B, T, heads, band - 1 + T) of elapsed variance, given that of each band (B, T, band)."""
        since = variance.flip(-1).cumsum(-1)  # (B, T, band): from the row back over 1, 2, ... rows
        elapsed = functional.pad(since[..., :-1], (1, 0))  # by distance: 0 to itself
        T = variance.shape[1]
        apart = distances(T, self.band - 1, variance.device).clamp(0, self.band - 1)  # (T, band - 1 + T)
        elapsed = elapsed.gather(-1, apart.expand(variance.shape[0], -1, -1))
        return -functional.softplus(self.rate)[:, None] * elapsed.unsqueeze(2)


def waves(level: Tensor) -> Tensor:
    """Return the level (..., 1) and its sines and cosines (..., 2 _WAVES + 1)."""
    turns = level * torch.exp2(torch.arange(_WAVES, device=level.device)) * (math.pi / _LEVEL)
    return torch.cat((level, turns.sin(), turns.cos()), -1)
