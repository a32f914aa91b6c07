"""What the frozen grades of a net make of windows, computed once a grade and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from models.architectures.graded import GradedNet

MOST_BYTES: Final = 2**30  # of one layout: 65,000 windows of `mgdl` as it is by default
_BATCH: Final = 256  # windows of one call


class Frozen:
    """The frozen grades over N windows: read by number, filled in stream order when a grade begins.

    Where N windows need more than `most_bytes` nothing is kept, and they are computed again whenever they are read.
    """

    def __init__(
        self, net: GradedNet, n: int, window: Callable[[Tensor], Tensor], most_bytes: int = MOST_BYTES
    ) -> None:
        """`window` gathers windows (B, W, F) by their numbers (B,)."""
        self.net, self._n, self._window, self._most = net, n, window, most_bytes
        self._grade = 0
        self._features: Tensor | None = None  # (N, ..)
        self._heads: Tensor | None = None  # (N, H, 2)

    @property
    def begun(self) -> bool:
        """Whether any grade is frozen."""
        return self.net.grade > 0

    def __call__(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and summed heads below the grade that learns, of the windows with these numbers (B,)."""
        if self._grade != self.net.grade:
            self._grade, self._features, self._heads = self.net.grade, None, None
            self._fill()
        if self._features is None or self._heads is None:
            return self.net.below(self._window(numbers))
        return self._features[numbers], self._heads[numbers]

    @torch.no_grad()
    def _fill(self) -> None:
        for part in torch.arange(self._n).split(_BATCH):
            features, heads = self.net.below(self._window(part))
            if self._features is None or self._heads is None:
                if self._n * 4 * (features[0].numel() + heads[0].numel()) > self._most:
                    return
                self._features = features.new_empty(self._n, *features.shape[1:])
                self._heads = heads.new_empty(self._n, *heads.shape[1:])
            self._features[part], self._heads[part] = features, heads
