"""Class weights: labels of a rare class (down, sideways, up) weigh more, so that none is neglected.

The weights are inverse to how often each class comes in the fit slice, clipped at 4, with a mean of 1 over its labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.architectures import Net
from models.classes import BOUND

_MOST = 4.0


def class_weights(y: NDArray[np.floating]) -> tuple[float, float, float]:
    """Return the weights of down, sideways and up, from labels of any shape (NaN where there is none)."""
    y = y[np.isfinite(y)]
    shares = np.array([np.mean(y <= -BOUND), np.mean(np.abs(y) < BOUND), np.mean(y >= BOUND)])
    weights = np.minimum(1 / np.maximum(3 * shares, 1e-9), _MOST)
    weights /= float(weights @ shares)
    return float(weights[0]), float(weights[1]), float(weights[2])


@contextmanager
def weighted_by_class(net: Net, y: NDArray[np.floating]) -> Iterator[None]:
    """Let the net's loss weigh labels by their class while it learns; the stop slice is judged without weights."""
    down, sideways, up = class_weights(y)

    def weigh(labels: Tensor) -> Tensor | None:
        if not net.training:
            return None
        return torch.where(labels <= -BOUND, down, torch.where(labels >= BOUND, up, sideways))

    net.weigh = weigh
    try:
        yield
    finally:
        net.weigh = None
