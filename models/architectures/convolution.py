"""Causal dilated convolution in a residual block (Bai, Kolter, Koltun 2018: temporal convolutional networks).

A convolution is one matrix product over the taps of a row, so that its bits don't depend on how many rows there are.
Its state is what it reads of the past: the inputs of the last (kernel - 1) * dilation rows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.architectures.layers import Layer, Pieces, extend


class CausalConvolution(Layer):
    """`kernel` taps `dilation` rows apart, the last one on the row itself."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        self.kernel, self.dilation = kernel, dilation
        self.state_size = (kernel - 1) * dilation * inputs
        self.taps = nn.Linear(kernel * inputs, outputs)

    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Pieces]:
        T = u.shape[1]
        rows, last = extend(u, state)  # (B, (kernel - 1) dilation + T, D)
        taps = [rows[:, k * self.dilation : k * self.dilation + T] for k in range(self.kernel)]
        return self.taps(torch.cat(taps, -1)), (last,)  # (B, T, E)


class ConvolutionBlock(Layer):
    """u + silu(convolution of layer_norm(u))."""

    def __init__(self, hidden: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.convolution = CausalConvolution(hidden, hidden, kernel, dilation)
        self.state_size = self.convolution.state_size

    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Pieces]:
        y, last = self.convolution(self.norm(u), state)
        return u + functional.silu(y), last  # (B, T, D)
