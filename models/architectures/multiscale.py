"""Several time horizons, fused from the slowest to the fastest (Koutník et al. 2014, Clockwork RNN; Challu et al. 2023,
N-HiTS: a horizon's forecast comes from the scale that it belongs to).

u = silu(layer_norm(W x + b))                                                   encode, no state
m_s = mean of u over about s rows, c_s = convolution of m_s with taps s apart   advance, for s = 1, 4, 16
z_16 = silu(layer_norm(W c_16)), z_4 = silu(layer_norm(W [c_4, z_16])), z_1 = silu(layer_norm(W [c_1, z_4]))
heads of horizon h = sum over s of softmax(a_h)_s linear_s(z_s)                 starts at the scale nearest to h
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.architectures import StepNet, architecture, searched
from models.architectures.convolution import CausalConvolution
from models.architectures.heads import Heads
from models.architectures.layers import Layer, Pieces
from models.architectures.memory import LeakyMean
from models.architectures.options import check_range


class Scale(Layer):
    """What one scale sees: `kernel` taps, `scale` rows apart, of the mean over about as many rows."""

    def __init__(self, hidden: int, kernel: int, scale: int) -> None:
        super().__init__()
        self.mean, self.convolution = LeakyMean(hidden, scale), CausalConvolution(hidden, hidden, kernel, scale)
        self.sizes = (self.mean.state_size, self.convolution.state_size)
        self.state_size = sum(self.sizes)

    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Pieces]:
        before, taps = state.split(self.sizes, -1)
        mean, last = self.mean(u, before)
        y, rows = self.convolution(mean, taps)
        return y, (*last, *rows)  # (B, T, D)


@architecture("multiscale", hidden=8, ratio=2)
@searched(hidden=(16, 32, 64), kernel=(3, 4, 6), ratio=(2, 4))
class MultiScale(StepNet):
    """3 scales of `hidden` units, 1, `ratio` and `ratio` squared rows apart, each with `kernel` taps."""

    def __init__(self, inputs: int, horizons: int, *, hidden: int = 32, kernel: int = 4, ratio: int = 4) -> None:
        check_range("multiscale", hidden=(hidden, 4, 512), kernel=(kernel, 2, 16), ratio=(ratio, 2, 8))
        super().__init__()
        spans = (ratio * ratio, ratio, 1)  # the slowest first
        self.input, self.norm = nn.Linear(inputs, hidden), nn.LayerNorm(hidden)
        layers = [Scale(hidden, kernel, span) for span in spans]
        self.scales = nn.ModuleList(layers)
        self.fuse = nn.ModuleList([nn.Linear(hidden * (2 if k else 1), hidden) for k in range(len(spans))])
        self.norms = nn.ModuleList([nn.LayerNorm(hidden) for _ in spans])
        self.output = nn.ModuleList([Heads(hidden, horizons) for _ in spans])
        near = (torch.arange(1, horizons + 1)[:, None] / torch.tensor(spans)).log().abs()  # (H, scales)
        self.share = nn.Parameter(-near)
        self.sizes = [layer.state_size for layer in layers]
        self.state_size, self.hidden = sum(self.sizes), hidden

    def encode(self, x: Tensor) -> Tensor:
        return functional.silu(self.norm(self.input(x)))  # (..., D)

    def run(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Run encoded sequences (B, T, D): outputs (B, T, 3 D), the slowest scale first, and last states (B, K)."""
        seen: list[Tensor] = []
        after: Pieces = ()
        for k, part in enumerate(state.split(self.sizes, -1)):
            y, last = self.scales[k](u, part)
            slower = (y,) if k == 0 else (y, seen[-1])
            seen.append(functional.silu(self.norms[k](self.fuse[k](torch.cat(slower, -1)))))
            after += last
        return torch.cat(seen, -1), torch.cat(after, -1)

    def advance(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        y, state = self.run(u.unsqueeze(1), state)
        return y.squeeze(1), state

    def heads(self, y: Tensor) -> Tensor:
        share = functional.softmax(self.share, -1).unsqueeze(1).unbind(-1)  # (H, 1) a scale
        parts = zip(self.output, share, y.split(self.hidden, -1), strict=True)
        return torch.stack([part * output(z) for output, part, z in parts]).sum(0)  # (..., H, 2)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        y, state = self.run(self.encode(x), state)  # (B, T, 3 D), (B, K)
        return self.heads(y), state
