"""Patterns in time by causal convolutions whose dilation doubles from layer to layer (Bai, Kolter, Koltun 2018).

u = silu(layer_norm(W x + b))                                    encode, no state
u = u + silu(convolution(layer_norm(u))), dilation 1, 2, 4, 8    advance
heads = linear(layer_norm(u))                                    reads 1 + (kernel - 1)(1 + 2 + 4 + 8) rows back
"""

from __future__ import annotations

from models.architectures import architecture, searched
from models.architectures.convolution import ConvolutionBlock
from models.architectures.layers import LayeredNet
from models.architectures.options import check_range


@architecture("cnn", hidden=8, layers=3)
@searched(hidden=(16, 32, 64), layers=(2, 4, 6), kernel=(2, 3, 5))
class CNN(LayeredNet):
    """`layers` convolutions of `hidden` channels, each over `kernel` taps."""

    def __init__(self, inputs: int, horizons: int, *, hidden: int = 32, layers: int = 4, kernel: int = 3) -> None:
        check_range("cnn", hidden=(hidden, 4, 512), layers=(layers, 1, 8), kernel=(kernel, 2, 9))
        blocks = [ConvolutionBlock(hidden, kernel, 2**k) for k in range(layers)]
        super().__init__(inputs, hidden, horizons, blocks)
