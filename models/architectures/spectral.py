"""Parts of spectral nets: learnable filters, patches by their spectrum, attention over filtered tokens.

Fourier transforms are products with fixed matrices: lengths are short, rows keep their bits whatever their neighbours,
and every exporter knows them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def fourier(length: int) -> tuple[Tensor, Tensor]:
    """Return the matrices of the real transform, (L, 2K), and of its inverse, (2K, L): cosines, then sines; K = L//2+1.

    The coefficients are real and imaginary parts of `torch.fft.rfft`.
    """
    bins = length // 2 + 1
    angle = 2 * math.pi / length * torch.outer(torch.arange(length), torch.arange(bins)).double()  # (L, K)
    waves = torch.cat((angle.cos(), -angle.sin()), 1)
    twice = torch.full((bins,), 2.0, dtype=torch.float64)  # every bin stands for its mirror image too, but these:
    twice[0] = 1.0
    if length % 2 == 0:
        twice[-1] = 1.0
    back = waves * twice.repeat(2) / length
    return waves.float(), back.T.contiguous().float()


class SpectralFilter(nn.Module):
    """A learnable complex gain a channel and frequency of sequences (B, C, L) (Rao et al. 2021). Begins as identity."""

    waves: Tensor
    back: Tensor

    def __init__(self, channels: int, length: int) -> None:
        super().__init__()
        waves, back = fourier(length)
        self.register_buffer("waves", waves, persistent=False)
        self.register_buffer("back", back, persistent=False)
        self.real = nn.Parameter(torch.ones(channels, length // 2 + 1))
        self.imaginary = nn.Parameter(torch.zeros(channels, length // 2 + 1))

    def forward(self, x: Tensor) -> Tensor:
        real, imaginary = (x @ self.waves).chunk(2, -1)  # (B, C, K) each
        turned = (
            real * self.real - imaginary * self.imaginary,
            real * self.imaginary + imaginary * self.real,
        )
        return torch.cat(turned, -1) @ self.back  # (B, C, L)

    def gain(self) -> Tensor:
        """Return the size of the gains (C, K)."""
        return torch.hypot(self.real, self.imaginary).detach()


class SpectralPatches(nn.Module):
    """From windows (B, W, F) to P tokens (B, P, D): filtered, cut into patches, each seen by its spectrum.

    A patch says its coefficients and the logarithm of its powers. The newest patch is whole; zeros fill up the oldest.
    """

    waves: Tensor

    def __init__(self, inputs: int, window: int, most: int, width: int) -> None:
        super().__init__()
        self.length = -(-window // most)
        self.tokens = -(-window // self.length)
        self.missing = self.tokens * self.length - window
        self.filter = SpectralFilter(inputs, window)
        self.register_buffer("waves", fourier(self.length)[0], persistent=False)
        self.embed = nn.Linear(inputs * 3 * (self.length // 2 + 1), width)
        self.place = nn.Parameter(0.02 * torch.randn(self.tokens, width))

    def forward(self, x: Tensor) -> Tensor:
        filtered = functional.pad(self.filter(x.transpose(1, 2)), (self.missing, 0))  # (B, F, P L)
        spectrum = filtered.unflatten(2, (self.tokens, self.length)) @ self.waves  # (B, F, P, 2K)
        real, imaginary = spectrum.chunk(2, -1)
        power = torch.log1p(real * real + imaginary * imaginary)
        seen = torch.cat((spectrum, power), -1).transpose(1, 2).flatten(2)  # (B, P, F 3K)
        tokens: Tensor = self.embed(seen) + self.place  # (B, P, D)
        return tokens


class SpectralLayer(nn.Module):
    """Spectral attention, then a position-wise net, both beside their input (pre-norm: Xiong et al. 2020).

    Tokens (B, P, D) are compared after a learnable filter along their sequence, so a head attends by what moves
    slowly or fast; what is taken over is the plain token.
    """

    def __init__(self, width: int, tokens: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.norm_wise = nn.LayerNorm(width), nn.LayerNorm(width)
        self.filter = SpectralFilter(width, tokens)
        self.compared, self.taken = nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.mix = nn.Linear(width, width)
        self.wise = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x: Tensor) -> Tensor:
        plain = self.norm(x)
        q, k = self.compared(self.filter(plain.transpose(1, 2)).transpose(1, 2)).chunk(2, -1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (q, k, self.taken(plain)))
        attended = functional.scaled_dot_product_attention(q, k, v)  # (B, heads, P, D / heads)
        x = x + self.mix(attended.transpose(1, 2).flatten(2))
        out: Tensor = x + self.wise(self.norm_wise(x))
        return out
