"""Transformer (Vaswani et al. 2017) of causal layers over a band of rows, served one bar at a time from cached keys.

u = silu(layer_norm(W x + b))                            encode, no state
u = u + attention(layer_norm(u)), u = u + ff(...)        advance: each layer attends to the last `band` rows
heads = linear(layer_norm(u))
"""

from __future__ import annotations

from models.architectures import architecture, searched
from models.architectures.attention import AttentionBlock
from models.architectures.layers import LayeredNet
from models.architectures.options import check_range


@architecture("transformer", hidden=8, heads=2, width=4, band=8)
@searched(hidden=(16, 32, 64), layers=(1, 2, 3), heads=(2, 4, 8), band=(16, 32, 64))
class Transformer(LayeredNet):
    """`layers` layers of `heads` heads of `width` units; through all it reads 1 + layers * (band - 1) rows back."""

    def __init__(
        self, inputs: int, horizons: int, *, hidden: int = 32, layers: int = 2, heads: int = 4, width: int = 16,
        band: int = 32,
    ) -> None:  # fmt: skip
        check_range(
            "transformer", hidden=(hidden, 4, 512), layers=(layers, 1, 8), heads=(heads, 1, 16), width=(width, 4, 64),
            band=(band, 2, 512),
        )  # fmt: skip
        super().__init__(inputs, hidden, horizons, [AttentionBlock(hidden, heads, width, band) for _ in range(layers)])
