"""What a net is fitted to."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from models.config import LABEL_CLIP
from models.mapped import settle
from schema.ticks import Bool, Int32

CPU = torch.device("cpu")


class Examples(NamedTuple):
    """n rows of several series in stream order, in memory or in mapped files; mini-batches go to the device."""

    x: Tensor  # (n, F) inputs
    y: Tensor  # (n, H) labels in their unit, NaN where there is none
    symbol: Int32  # (n,)
    eligible: Bool  # (n,) live would run the net on this row; on others its state or window stays as it is
    device: torch.device = CPU

    def inputs(self, rows: Tensor) -> Tensor:
        """Return the inputs (*rows, F) of rows of any shape."""
        settle()
        return self.x.index_select(0, rows.reshape(-1)).view(*rows.shape, -1).to(self.device)

    def labels(self, rows: Tensor) -> Tensor:
        """Return the labels (*rows, H), clipped."""
        return self.y[rows].float().clamp_(-LABEL_CLIP, LABEL_CLIP).to(self.device)
