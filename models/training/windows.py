"""Rows of series laid out for a net over windows: the last W eligible rows of a symbol, gathered when they are used.

Windows overlap in all but a row, so they are never stored: 12 bytes a row say where each one lies.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.architectures import WindowNet
from models.architectures.graded import GradedNet
from models.data.examples import Examples
from models.labels import Float32
from models.mapped import settle
from models.training.frozen import Frozen
from schema.ticks import Bool, Int32, Int64

_BATCH = 256  # windows of one call of the net over whole series


class WindowIndex:
    """Where the windows of n rows lie."""

    def __init__(self, symbol: Int32, eligible: Bool, window: int) -> None:
        self._span = np.arange(1 - window, 1)
        rows = np.flatnonzero(eligible)
        self._rows = rows[np.argsort(symbol[rows], kind="stable")]  # series by series, each in stream order
        self._place = np.full(len(symbol), -1, np.int64)
        self._place[self._rows] = np.arange(len(self._rows))
        ordered = symbol[self._rows]
        first = np.searchsorted(ordered, ordered)  # where the series of each begins
        self.full = np.zeros(len(symbol), np.bool_)  # (n,) eligible, and W - 1 eligible rows of its series before it
        self.full[self._rows] = np.arange(len(self._rows)) - first >= window - 1

    def __call__(self, rows: NDArray[np.intp]) -> Int64:
        """Return the rows (B, W), oldest first, of the windows that end in the B given ones, which are full."""
        windows: Int64 = self._rows[self._place[rows][:, None] + self._span]
        return windows


class Windows:
    """Mini-batches of full windows that end in the given rows, shuffled anew in every epoch."""

    def __init__(
        self, net: WindowNet, examples: Examples, rows: NDArray[np.intp], batch: int, seed: int,
        share: tuple[int, int] = (0, 1),
    ) -> None:  # fmt: skip
        """`share` (k, of n) is the part of each mini-batch that is run here: every n-th window from the k-th on."""
        self._net, self._examples, self._batch, self._seed, self._share = net, examples, batch, seed, share
        self._index = WindowIndex(examples.symbol, examples.eligible, net.window)
        self._ends = rows[self._index.full[rows]]
        self._below = Frozen(net, len(self._ends), self._gathered) if isinstance(net, GradedNet) else None

    def __len__(self) -> int:
        """Return how many mini-batches a pass has."""
        return -(-len(self._ends) // self._batch)

    def losses(self, epoch: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the sum of losses and their number of each mini-batch; in stream order in epoch 0."""
        order = np.arange(len(self._ends))
        if epoch:
            order = np.random.default_rng((self._seed, epoch)).permutation(order)
        for first in range(0, len(order), self._batch):
            numbers = torch.from_numpy(order[first : first + self._batch][self._share[0] :: self._share[1]])
            if not len(numbers):
                yield self._nothing()
                continue
            y = self._examples.labels(torch.from_numpy(self._ends)[numbers])
            yield self._net.loss(self._heads(numbers), y, torch.ones(len(numbers), dtype=torch.bool, device=y.device))

    def _nothing(self) -> tuple[Tensor, Tensor]:
        """Return a loss of 0 that has a gradient, of no rows: other processes have the rest of the mini-batch."""
        zero = torch.zeros((), device=self._examples.device)
        loss = sum((p.sum() * 0.0 for p in self._net.parameters() if p.requires_grad), zero)
        return loss, torch.zeros((), dtype=torch.int64, device=zero.device)

    def _heads(self, numbers: Tensor) -> Tensor:
        """Run the net over the windows with these numbers; of a graded one, no more than the grade that learns."""
        net = self._net
        if self._below is None or (net.training and not self._below.begun):
            return net(self._gathered(numbers))  # type: ignore[no-any-return]
        return self._below.net.above(*self._below(numbers))

    def _gathered(self, numbers: Tensor) -> Tensor:
        return self._examples.inputs(torch.from_numpy(self._index(self._ends[numbers.numpy()])))


def gather(x: Tensor, rows: Int64) -> Tensor:
    """Return the windows (B, W, F) of inputs (n, F) at rows (B, W)."""
    return x.index_select(0, torch.from_numpy(rows.ravel()).to(x.device)).view(*rows.shape, x.shape[1])


@torch.inference_mode()
def evaluate_windows(net: WindowNet, x: Float32, symbol: Int32, eligible: Bool, rows: NDArray[np.intp]) -> Float32:
    """Return heads (m, H, 2) of m rows of inputs (n, F), NaN where one isn't eligible or its window isn't full."""
    index, inputs = WindowIndex(symbol, eligible, net.window), torch.from_numpy(x)
    places, out = np.flatnonzero(index.full[rows]), None
    for first in range(0, len(places), _BATCH):
        part = places[first : first + _BATCH]
        heads = net(gather(inputs, index(rows[part]))).numpy()
        settle()
        if out is None:
            out = np.full((len(rows), *heads.shape[1:]), np.nan, np.float32)
        out[part] = heads
    if out is None:
        raise ValueError(
            f"no row to evaluate: no symbol has {net.window} eligible rows; use a shorter window or more history"
        )
    return out
