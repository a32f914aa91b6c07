"""A net served by state: rows of a batch in fixed bucket shapes, one forward for every bar time."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from models.architectures import StepNet
from models.labels import Float32
from models.serving.buckets import Forward, Staging, agreeing
from models.serving.waves import waves
from schema.ticks import Int32, Int64


def torch_device(name: str) -> torch.device:
    """Return torch's device of a name. Tests put another one in its place."""
    return torch.device(name)


class Stepper:
    """One net with a step form and the states of S symbols on its device."""

    def __init__(
        self, net: StepNet, inputs: int, horizons: int, device: str, buckets: Sequence[int], n_symbols: int
    ) -> None:
        self.place = device
        self.device = torch_device(device)
        self._net, self._horizons = copy.deepcopy(net).to(self.device), horizons
        self._state = torch.zeros(n_symbols, net.state_size, device=self.device)
        self.buckets = agreeing(buckets, self.device, trial(self._net, inputs, max(buckets)))
        self._staging = Staging(self.buckets, inputs)

    def grow(self, n_symbols: int) -> None:
        """Make room for more symbols; new ones start from a zero state."""
        state = torch.zeros(n_symbols, self._state.shape[1], device=self.device)
        state[: len(self._state)] = self._state
        self._state = state

    @torch.inference_mode()
    def run(self, x: Float32, symbol: Int32) -> Float32:
        """Step n rows (n, F), those of a symbol in order, and return mean and log variance (n, H, 2)."""
        if not len(x):
            return np.empty((0, self._horizons, 2), np.float32)
        order, first = waves(symbol, len(self._state))
        encoded = self._encode(x, order)
        places = np.zeros(len(encoded), np.int64)
        places[: len(x)] = symbol[order]
        outputs = self._advance(encoded, torch.from_numpy(places).to(self.device), first)
        heads = _joined([self._net.heads(part) for part in outputs.split(self.buckets.sizes[-1])])
        spoken: Float32 = heads[: len(x)].cpu().numpy()
        if len(first) == 2:  # one wave: the rows are in their order
            return spoken
        result = np.empty_like(spoken)
        result[order] = spoken
        return result

    def _encode(self, x: Float32, order: Int64) -> Tensor:
        """Encode the rows in an order, and as many behind them as fill the last bucket up: (m, D)."""
        largest, parts = self.buckets.sizes[-1], list[Tensor]()
        for begin in range(0, len(order), largest):
            staged = torch.from_numpy(self._staging.put(x, order[begin : begin + largest]))
            part = self._net.encode(staged.to(self.device))
            parts.append(part.clone() if len(order) > largest else part)  # it may be a view of what is staged
        return _joined(parts)

    def _advance(self, encoded: Tensor, places: Tensor, first: list[int]) -> Tensor:
        """Advance wave by wave: (m, E). The rows around a wave fill its bucket up; only its own states are kept."""
        room, state, outputs = len(encoded), self._state, None
        for begin, end in cut(first, self.buckets.sizes[-1]):
            size = self.buckets.bucket(end - begin)
            at = min(begin, room - size)
            window, own = slice(at, at + size), slice(begin - at, end - at)
            symbols = places[window]
            y, new = self._net.advance(encoded[window], state.index_select(0, symbols))
            state.index_copy_(0, symbols[own], new[own])
            if end - begin == first[-1]:
                return y
            if outputs is None:
                outputs = y.new_zeros(room, y.shape[1])
            outputs[begin:end] = y[own]
        assert outputs is not None
        return outputs

    def snapshot(self) -> np.ndarray:
        """Return the states (S, K), live where the device is the CPU."""
        return self._state.cpu().numpy()

    def restore(self, state: np.ndarray) -> None:
        """Take over states that `snapshot` gave."""
        self._state = torch.from_numpy(np.array(state, np.float32)).to(self.device)


def trial(net: StepNet, inputs: int, n: int) -> Forward:
    """Return a step of any of n random rows from random states."""
    x, states = samples(net, inputs, n)
    return lambda rows: net.step(x[rows], states[rows])


def samples(net: StepNet, inputs: int, n: int) -> tuple[Tensor, Tensor]:
    """Return random inputs (n, F) and states (n, K), the same at each call."""
    random = torch.Generator().manual_seed(1)
    x, states = (torch.randn(n, size, generator=random) for size in (inputs, net.state_size))
    return x, states


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def cut(first: list[int], largest: int) -> Iterator[tuple[int, int]]:
    """Yield the waves, those longer than the largest bucket in pieces."""
    for begin, end in pairwise(first):
        for at in range(begin, end, largest):
            yield at, min(at + largest, end)
