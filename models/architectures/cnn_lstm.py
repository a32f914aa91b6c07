"""Convolutions find short patterns, an LSTM remembers them (Shi et al. 2015; for prices Lu et al. 2020, CNN-LSTM).

u = silu(layer_norm(W x + b))                              encode, no state
u = u + silu(convolution(layer_norm(u))), dilation 1, 2    advance
u = u + LSTM(layer_norm(u))                                (Hochreiter and Schmidhuber 1997)
heads = linear(layer_norm(u))
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.architectures import architecture, searched
from models.architectures.convolution import ConvolutionBlock
from models.architectures.layers import Layer, LayeredNet, Pieces
from models.architectures.options import check_range


class LSTMBlock(Layer):
    """u + LSTM(layer_norm(u)); the state is its hidden and its cell units."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.state_size = 2 * hidden
        self.norm, self.lstm = nn.LayerNorm(hidden), nn.LSTM(hidden, hidden, batch_first=True)

    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Pieces]:
        h, c = state.chunk(2, -1)  # (B, D) each
        rows = self.norm(u)
        if u.shape[1] == 1:  # as served: the cell alone is the quicker call
            h, c = torch.lstm_cell(rows[:, 0], (h, c), *self.lstm.all_weights[0])
            y = h.unsqueeze(1)
        else:
            y, (last, cell) = self.lstm(rows, (h.unsqueeze(0).contiguous(), c.unsqueeze(0).contiguous()))
            h, c = last.squeeze(0), cell.squeeze(0)
        return u + y, (h, c)  # (B, T, D)


@architecture("cnn_lstm", hidden=8)
@searched(hidden=(16, 32, 64), layers=(1, 2, 3), kernel=(2, 3, 5))
class ConvolutionalLSTM(LayeredNet):
    """`layers` convolutions of `hidden` channels over `kernel` taps, then one LSTM of `hidden` units."""

    def __init__(self, inputs: int, horizons: int, *, hidden: int = 32, layers: int = 2, kernel: int = 3) -> None:
        check_range("cnn_lstm", hidden=(hidden, 4, 512), layers=(layers, 1, 8), kernel=(kernel, 2, 9))
        blocks = [ConvolutionBlock(hidden, kernel, 2**k) for k in range(layers)]
        super().__init__(inputs, hidden, horizons, [*blocks, LSTMBlock(hidden)])
