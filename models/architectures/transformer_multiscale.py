"""Transformer whose heads look at several time scales at once, served one bar at a time from cached keys.

At scale s a row attends to the rows s, 2 s, ... bars before it (dilated heads: Beltagy et al. 2020, Longformer) of a
mean over about s rows (the coarse levels of Liu et al. 2022, Pyraformer): with 8 rows a scale and scales 1, 4 and 16
it sees the last 7 bars one by one, 28 in fours and 112 in sixteens, at the cost of 24 scores.

u = silu(layer_norm(W x + b))                                                           encode, no state
u = u + linear([attention of scale s over mean_s(layer_norm(u)) for each s]), u = u + ff(...)     advance
heads = linear(layer_norm(u))
"""

from __future__ import annotations

from itertools import chain

import torch
from torch import Tensor, nn

from models.architectures import architecture, searched
from models.architectures.attention import BandedAttention, FeedForward
from models.architectures.layers import Layer, LayeredNet, Pieces
from models.architectures.memory import LeakyMean
from models.architectures.options import check_range


class Scale(Layer):
    """`heads` heads of `width` units over `band` rows that are `scale` bars apart."""

    def __init__(self, hidden: int, heads: int, width: int, band: int, scale: int) -> None:
        super().__init__()
        self.mean = LeakyMean(hidden, scale) if scale > 1 else None
        self.attention = BandedAttention(hidden, heads, width, band, scale)
        self.sizes = (0 if self.mean is None else hidden, self.attention.state_size)
        self.state_size = sum(self.sizes)

    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Pieces]:
        before, cache = state.split(self.sizes, -1)
        mean: Pieces = ()
        if self.mean is not None:
            u, mean = self.mean(u, before)
        y, last = self.attention(u, cache)
        return y, (*mean, *last)  # (B, T, heads * width)


class MultiScaleBlock(Layer):
    """One layer: all scales side by side, mixed into the residual stream."""

    def __init__(self, hidden: int, heads: int, width: int, band: int, scales: tuple[int, ...]) -> None:
        super().__init__()
        layers = [Scale(hidden, heads, width, band, scale) for scale in scales]
        self.norm, self.scales = nn.LayerNorm(hidden), nn.ModuleList(layers)
        self.mix, self.feed_forward = nn.Linear(len(scales) * heads * width, hidden), FeedForward(hidden)
        self.sizes = [layer.state_size for layer in layers]
        self.state_size = sum(self.sizes)

    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Pieces]:
        rows, parts = self.norm(u), state.split(self.sizes, -1)
        seen, after = zip(*(scale(rows, part) for scale, part in zip(self.scales, parts, strict=True)), strict=True)
        y = self.mix(torch.cat(seen, -1))
        return self.feed_forward(u + y), tuple(chain.from_iterable(after))  # (B, T, D)


@architecture("transformer_multiscale", hidden=8, width=4, band=4, ratio=2)
@searched(hidden=(16, 32, 64), layers=(1, 2, 3), heads=(1, 2, 4))
class MultiScaleTransformer(LayeredNet):
    """`layers` layers of 3 scales, 1, `ratio` and `ratio` squared bars, each with `heads` heads of `width` units."""

    def __init__(
        self, inputs: int, horizons: int, *, hidden: int = 32, layers: int = 2, heads: int = 2, width: int = 8,
        band: int = 8, ratio: int = 4,
    ) -> None:  # fmt: skip
        check_range(
            "transformer_multiscale", hidden=(hidden, 4, 512), layers=(layers, 1, 8), heads=(heads, 1, 16),
            width=(width, 4, 64), band=(band, 2, 64), ratio=(ratio, 2, 8),
        )  # fmt: skip
        scales = (1, ratio, ratio * ratio)
        blocks = [MultiScaleBlock(hidden, heads, width, band, scales) for _ in range(layers)]
        super().__init__(inputs, hidden, horizons, blocks)
