"""A net served by state: rows of a batch in fixed bucket shapes, one forward for every bar time.

A row's result does not depend on its neighbours: forwards have the shapes of the buckets whatever the number of rows,
and the rows that fill one up are computed and thrown away. (A matrix product of another shape may round differently;
`Stepper` tries its buckets when it is made and keeps those that agree bit for bit with the first.)
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from numba import njit
from torch import Tensor

from models.architectures import StepNet
from models.labels import Float32
from schema.ticks import Int32, Int64


def torch_device(name: str) -> torch.device:
    """Return torch's device of a name. Tests put another one in its place."""
    return torch.device(name)


class Stepper:
    """One net and the states of S symbols on its device."""

    def __init__(
        self, net: StepNet, inputs: int, horizon: int, device: str, buckets: Sequence[int], n_symbols: int
    ) -> None:
        self.place = device
        self.device = torch_device(device)
        self._net = copy.deepcopy(net).to(self.device)
        self._horizon = horizon
        self._state = torch.zeros(n_symbols, net.state_size, device=self.device)
        self.buckets = self._agreeing(sorted(buckets), inputs)

    def grow(self, n_symbols: int) -> None:
        """Make room for more symbols; new ones start from a zero state."""
        state = torch.zeros(n_symbols, self._state.shape[1], device=self.device)
        state[: len(self._state)] = self._state
        self._state = state

    @torch.inference_mode()
    def run(self, x: Float32, symbol: Int32) -> Float32:
        """Step n rows (n, F), those of a symbol in order, and return mean and log variance (n, 2) at the horizon."""
        if not len(x):
            return np.empty((0, 2), np.float32)
        order, first = waves(symbol, len(self._state))
        inputs = torch.from_numpy(x[order])
        index = torch.from_numpy(symbol[order].astype(np.int64)).to(self.device)
        encoded = torch.cat([self._net.encode(part) for part in self._padded(inputs)])
        outputs = self._advance(encoded, index, first)
        heads = torch.cat([self._net.heads(part) for part in self._padded(outputs)])[: len(x), self._horizon - 1]
        result = np.empty((len(x), 2), np.float32)
        result[order] = heads.cpu().numpy()
        return result

    def _advance(self, encoded: Tensor, index: Tensor, first: list[int]) -> Tensor:
        """Advance wave by wave. The rows around a wave fill its bucket up; only its own states are kept."""
        room, state, outputs = len(encoded), self._state, None
        index = torch.cat((index, index.new_zeros(room - len(index))))
        for begin, end in _cut(first, self.buckets[-1]):
            at = min(begin, room - self.bucket(end - begin))
            window = slice(at, at + self.bucket(end - begin))
            own = slice(begin - at, end - at)
            places = index[window]
            y, new = self._net.advance(encoded[window], state.index_select(0, places))
            state.index_copy_(0, places[own], new[own])
            if outputs is None:
                outputs = y.new_empty((first[-1], y.shape[1]))
            outputs[begin:end] = y[own]
        assert outputs is not None
        return outputs

    def bucket(self, n: int) -> int:
        """Return the smallest bucket that holds n rows, the largest if none does."""
        return next((size for size in self.buckets if size >= n), self.buckets[-1])

    def _padded(self, rows: Tensor) -> Iterator[Tensor]:
        """Cut rows into buckets on the device, the last one filled up with zeros."""
        largest = self.buckets[-1]
        for begin in range(0, len(rows), largest):
            part = rows[begin : begin + largest]
            if missing := self.bucket(len(part)) - len(part):
                part = torch.cat((part, part.new_zeros(missing, part.shape[1])))
            yield part.to(self.device)

    @torch.inference_mode()
    def _agreeing(self, sizes: Sequence[int], inputs: int) -> tuple[int, ...]:
        """Return the bucket sizes whose rows come out bit-equal to those of the smallest; one size on a GPU."""
        if self.device.type != "cpu":
            return (sizes[-1],)
        random = torch.Generator().manual_seed(1)
        x = torch.randn(sizes[-1], inputs, generator=random)
        states = torch.randn(sizes[-1], self._net.state_size, generator=random)

        def forward(size: int, begin: int) -> tuple[Tensor, Tensor]:
            return self._net.step(x[begin : begin + size], states[begin : begin + size])

        def agrees(size: int) -> bool:
            whole = forward(size, 0)
            parts = [forward(sizes[0], begin) for begin in range(0, size, sizes[0])]
            return all(torch.equal(a, torch.cat(b)) for a, b in zip(whole, zip(*parts, strict=True), strict=True))

        return (sizes[0], *(size for size in sizes[1:] if size % sizes[0] == 0 and agrees(size)))

    def snapshot(self) -> np.ndarray:
        """Return the states (S, K), live where the device is the CPU."""
        return self._state.cpu().numpy()

    def restore(self, state: np.ndarray) -> None:
        """Take over states that `snapshot` gave."""
        self._state = torch.from_numpy(np.array(state, np.float32)).to(self.device)


def waves(symbol: Int32, n_symbols: int) -> tuple[Int64, list[int]]:
    """Order rows so that each wave holds at most one row of a symbol: the k-th wave its k-th row.

    Returns the order (n,) and the bounds of the waves in it. Within a bar time this is one wave.
    """
    order = np.empty(len(symbol), np.int64)
    bounds = _waves(symbol, n_symbols, order)
    return order, bounds.tolist()


@njit(cache=True)
def _waves(symbol, n_symbols, order):  # type: ignore[no-untyped-def]
    seen = np.zeros(n_symbols, np.int64)
    wave = np.empty(len(symbol), np.int64)
    for k in range(len(symbol)):
        wave[k] = seen[symbol[k]]
        seen[symbol[k]] += 1
    bounds = np.zeros(seen.max() + 1, np.int64)
    for k in range(len(symbol)):
        bounds[wave[k] + 1] += 1
    bounds = np.cumsum(bounds)
    place = bounds[:-1].copy()
    for k in range(len(symbol)):
        order[place[wave[k]]] = k
        place[wave[k]] += 1
    return bounds


def _cut(first: list[int], largest: int) -> Iterator[tuple[int, int]]:
    """Yield the waves, those longer than the largest bucket in pieces."""
    for begin, end in pairwise(first):
        for at in range(begin, end, largest):
            yield at, min(at + largest, end)
