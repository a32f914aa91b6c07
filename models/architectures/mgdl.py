"""Multi-grade net against the spectral bias (Fang and Xu 2024, arXiv 2410.16105), over spectral patches of a window.

tokens = patches(filter(x))                         grade 1 only: P tokens of the window's spectral patches
tokens = layers_l(tokens)                           grade l: one or two layers of spectral attention
heads  = sum over l of readout_l(tokens of grade l) log variances add up, so variances multiply

Deep nets learn slow components first. Here each grade is shallow, learns alone on the frozen tokens of the one before
and is fitted to what those before left over (the likelihood with their sum as offset), so that fast components are
reached by compositions of slow ones. The loss adds a penalty a band of the error's spectrum (models/band_penalty.py).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from models.architectures import architecture, searched
from models.architectures.graded import GradedNet
from models.architectures.readout import Readout, mixed
from models.architectures.spectral import SpectralLayer, SpectralPatches
from models.band_penalty import BandPenalty


class Grade(nn.Module):
    """A shallow net: tokens of its own and the heads it adds."""

    readout: Readout

    def __init__(self, ground: nn.Module, layers: nn.Sequential, readout: Readout) -> None:
        super().__init__()
        self.ground, self.layers, self.readout = ground, layers, readout

    def tokens(self, features: Tensor) -> Tensor:
        """Return tokens (B, P, D) from those of the grade before; of the first grade, from windows (B, W, F)."""
        tokens: Tensor = self.layers(self.ground(features))
        return tokens


@architecture("mgdl", window=20, patches=5, spectral=16, hidden=16, heads=2, layers=5)
@searched(
    window=(64, 128, 252), patches=(16, 32), spectral=(64, 128),
    hidden=(128, 256), layers=(4, 6), dropout=(0.0, 0.1),
)  # fmt: skip
class MGDL(GradedNet):
    """`layers` layers over `grades` grades, the earlier ones getting what doesn't divide: 6 over 4 is 2, 2, 1, 1.

    `samples` > 0 serves by so many fixed dropout masks: their spread counts as variance.
    """

    most_columns = 50

    def __init__(
        self, inputs: int, horizons: int, *, window: int = 252, patches: int = 32, spectral: int = 128,
        hidden: int = 256, heads: int = 8, layers: int = 6, grades: int = 4, dropout: float = 0.0, samples: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        if not 1 <= grades <= layers:
            raise ValueError(f"mgdl: {grades} grades of {layers} layers, expected at least one layer a grade")
        if samples and not 0 < dropout < 1:
            raise ValueError(f"mgdl: samples {samples} with dropout {dropout}, expected a dropout between 0 and 1")
        self.window, self.grades, self.samples, self.horizons = window, grades, samples, horizons
        ground, self.parts = SpectralPatches(inputs, window, patches, spectral), nn.ModuleList()
        for k in range(grades):
            depth = layers // grades + (k < layers % grades)
            stack = nn.Sequential(*(SpectralLayer(spectral, ground.tokens, heads, hidden) for _ in range(depth)))
            readout = Readout(spectral, hidden, horizons, dropout, samples)
            self.parts.append(Grade(nn.Identity() if k else ground, stack, readout))
        self.penalty = BandPenalty(horizons)
        for k in range(1, grades):
            self._silence(k)
        self.begin_grade(0)

    def begin_grade(self, grade: int) -> None:
        self.grade = grade
        for k, part in enumerate(self._grades()):
            part.requires_grad_(k == grade)
        if grade:
            self._silence(grade)
        self.train(self.training)

    def _grades(self) -> list[Grade]:
        return cast("list[Grade]", list(self.parts))

    def train(self, mode: bool = True) -> MGDL:
        """Put the grade that learns into training mode; frozen ones stay as they are served."""
        super().train(mode)
        for k, part in enumerate(self._grades()):
            part.train(mode and k == self.grade)
        return self

    def below(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features, heads = x, x.new_zeros(len(x), self.horizons, 2)
        with torch.no_grad():
            for part in self._grades()[: self.grade]:
                features = part.tokens(features)
                heads = heads + part.readout(features)
        return features, heads

    def above(self, features: Tensor, heads: Tensor) -> Tensor:
        part = self._grades()[self.grade]
        return _bounded(heads + part.readout(part.tokens(features)))

    def forward(self, x: Tensor) -> Tensor:
        sampled = self.samples > 0 and not self.training
        features, heads = x, x.new_zeros(1)
        for part in self._grades()[: self.grade + 1 if self.training else self.grades]:
            features = part.tokens(features)  # (B, P, D)
            heads = heads + (part.readout.sampled(features) if sampled else part.readout(features))
        return mixed(_bounded(heads)) if sampled else _bounded(heads)  # (B, H, 2)

    def loss(self, heads: Tensor, y: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        loss, n = super().loss(heads, y, counts)
        return loss + self.penalty(heads[..., 0], y, counts), n

    def _silence(self, grade: int) -> None:
        output = self._grades()[grade].readout.output
        nn.init.zeros_(output.weight)
        nn.init.zeros_(output.bias)


def _bounded(heads: Tensor) -> Tensor:
    mean, log_variance = heads.unbind(-1)
    return torch.stack((mean, log_variance.clamp(-6.0, 6.0)), -1)
