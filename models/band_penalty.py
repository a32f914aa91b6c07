"""A penalty on the error's spectrum along the horizons, which weighs fast errors more than slow ones.

The errors of a row at the horizons 1 .. H are a short path, e_h = y_h - mean_h in units of the label, 0 where there is
no label. Its power at the frequency k / H cycles a bar is P_k = c_k |sum_h e_h exp(-2 pi i k h / H)|^2 / H with
c_k = 2, or 1 for k = 0 and k = H / 2: by Parseval the P_k add up to the sum of e_h^2. The penalty is the sum of
w_k P_k, with w = 0.1 below a third of the Nyquist frequency, 0.2 below two thirds, 0.3 from there on.

Why the error's, not the filters': a weighted square of the error has its least at the conditional mean whatever the
weights, so the penalty changes what is learned first, not what is learned in the end. It counters that nets learn slow
errors first. A penalty on filters would keep the net from frequencies that are there. Why along the horizons, not in
time: mini-batches over windows are shuffled.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

WEIGHTS: Final = (0.1, 0.2, 0.3)  # low, mid, high


class BandPenalty(torch.nn.Module):
    """The penalty of H horizons. It has nothing to learn."""

    waves: Tensor

    def __init__(self, horizons: int, weights: tuple[float, float, float] = WEIGHTS) -> None:
        super().__init__()
        k = torch.arange(horizons // 2 + 1)
        angle = 2 * torch.pi / horizons * torch.outer(torch.arange(horizons), k).double()  # (H, K)
        own_mirror = (k == 0) | (2 * k == horizons)
        band = (6 * k / horizons).floor().clamp(max=2).long()  # 0 low, 1 mid, 2 high
        scale = (torch.tensor(weights)[band] * torch.where(own_mirror, 1.0, 2.0) / horizons).sqrt()
        self.register_buffer("waves", (torch.cat((angle.cos(), angle.sin()), 1) * scale.repeat(2)).float(), False)

    def forward(self, mean: Tensor, y: Tensor, counts: Tensor) -> Tensor:
        """Return the sum over rows: means (.., H), labels (.., H) with NaN where there is none, counts (..)."""
        there = counts.unsqueeze(-1) & torch.isfinite(y)
        error = torch.where(there, torch.where(there, y, 0.0) - mean, 0.0)  # (.., H)
        return (error @ self.waves).square().sum()
