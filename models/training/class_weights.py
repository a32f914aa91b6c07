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
from models.mapped import PAGE, chunks

_MOST = 4.0


def class_weights(y: NDArray[np.floating], rows: NDArray[np.intp]) -> tuple[float, float, float]:
    """Return the weights of down, sideways and up, from the labels (n, H; NaN where there is none) of some rows."""
    counts = np.zeros(3)
    for part in chunks(len(rows), max(y.strides[0], PAGE)):
        labels = y[rows[part]].astype(np.float32)
        counts += [np.sum(labels <= -BOUND), np.sum(np.abs(labels) < BOUND), np.sum(labels >= BOUND)]
    shares = counts / counts.sum()
    weights = np.minimum(1 / np.maximum(3 * shares, 1e-9), _MOST)
    weights /= float(weights @ shares)
    return float(weights[0]), float(weights[1]), float(weights[2])


@contextmanager
def weighted_by_class(net: Net, y: NDArray[np.floating], rows: NDArray[np.intp]) -> Iterator[None]:
    """Let the net's loss weigh labels by how their class comes in some rows; only while it learns."""
    down, sideways, up = class_weights(y, rows)

    def weigh(labels: Tensor) -> Tensor | None:
        if not net.training:
            return None
        return torch.where(labels <= -BOUND, down, torch.where(labels >= BOUND, up, sideways))

    net.weigh = weigh
    try:
        yield
    finally:
        net.weigh = None
