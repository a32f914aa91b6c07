"""A net over windows in service: rings of the net's inputs on its device, windows gathered from them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from models.architectures import WindowNet
from models.labels import Float32
from models.serving import stepper
from models.serving.buckets import Forward, agreeing
from models.serving.onnx_nets import OnnxNet
from models.serving.waves import waves
from schema.ticks import Int32, Int64

WAVES: Final = 16  # bar times that are run together: a ring holds as many rows as all their windows
LARGEST: Final = 256  # windows in a forward on a CPU: more are no faster and take memory


class WindowStepper:
    """One net over windows and the last rows of S symbols.

    A row goes to slot `count % R` of its symbol's ring; nothing is ever moved. Until a symbol has a full window it gets
    no word (NaN).
    """

    def __init__(
        self, net: WindowNet, inputs: int, horizons: int, device: str, buckets: Sequence[int], n_symbols: int,
        step: OnnxNet | None = None,
    ) -> None:  # fmt: skip
        """Run the net by torch, or on a CPU by the session `step`."""
        self.place = device
        self.device = stepper.torch_device(device)
        self._forward = forward(copy.deepcopy(net).to(self.device), step)
        self._horizons, self._window = horizons, net.window
        self._slots = net.window + WAVES - 1  # R
        self._ring = torch.zeros(n_symbols, self._slots, inputs, device=self.device)
        self._count = np.zeros(n_symbols, np.int64)  # rows of each symbol so far
        self._span = torch.arange(1 - net.window, 1, device=self.device)
        sizes = [size for size in buckets if size <= LARGEST or self.device.type != "cpu"] or [min(buckets)]
        self.buckets = agreeing(sizes, self.device, trial(net, inputs, max(sizes), step))

    def grow(self, n_symbols: int) -> None:
        """Make room for more symbols; new ones start with an empty ring."""
        ring = torch.zeros(n_symbols, *self._ring.shape[1:], device=self.device)
        ring[: len(self._ring)] = self._ring
        self._ring = ring
        self._count = np.concatenate((self._count, np.zeros(n_symbols - len(self._count), np.int64)))

    @torch.inference_mode()
    def run(self, x: Float32, symbol: Int32) -> Float32:
        """Take n rows (n, F), those of a symbol in order, and return mean and log variance (n, H, 2).

        Both are NaN where the window isn't full yet.
        """
        result = np.full((len(x), self._horizons, 2), np.nan, np.float32)
        if not len(x):
            return result
        order, first = waves(symbol, len(self._count))
        for k in range(0, len(first) - 1, WAVES):
            bounds = first[k : k + WAVES + 1]
            rows = order[bounds[0] : bounds[-1]]
            place = self._append(x[rows], symbol[rows], bounds)
            full = place >= self._window - 1
            result[rows[full]] = self._speak(symbol[rows[full]], place[full])
        return result

    def _append(self, x: Float32, symbol: Int32, bounds: list[int]) -> Int64:
        """Write rows of some waves to the rings. Returns the number (n,) of rows that each found there."""
        place = self._count[symbol] + np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
        self._count += np.bincount(symbol, minlength=len(self._count))
        slot = self._flat(symbol, place % self._slots)
        self._ring.view(-1, x.shape[1]).index_copy_(0, slot, torch.from_numpy(x).to(self.device))
        return place

    def _speak(self, symbol: Int32, place: Int64) -> Float32:
        """Run the windows that end at the given places and return (n, H, 2)."""
        ring, parts = self._ring.view(-1, self._ring.shape[2]), []
        ends = torch.from_numpy(np.stack((symbol.astype(np.int64), place), 1)).to(self.device)
        for part in self.buckets.padded(ends):
            slots = (part[:, 1:] + self._span) % self._slots + self._slots * part[:, :1]  # (B, W)
            windows = ring.index_select(0, slots.flatten()).view(*slots.shape, -1)  # (B, W, F)
            parts.append(self._forward(windows))
        spoken: Float32 = torch.cat([*parts, ring.new_empty(0, self._horizons, 2)])[: len(place)].cpu().numpy()
        return spoken

    def _flat(self, symbol: Int32, slot: Int64) -> Tensor:
        return torch.from_numpy(symbol * self._slots + slot).to(self.device)

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return the rings (S, R, F) and counts (S,), live where the device is the CPU."""
        return {"ring": self._ring.cpu().numpy(), "count": self._count}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `snapshot` gave."""
        self._ring = torch.from_numpy(np.array(state["ring"], np.float32)).to(self.device)
        self._count = np.array(state["count"], np.int64)


def forward(net: WindowNet, step: OnnxNet | None = None) -> Callable[[Tensor], Tensor]:
    """Return what runs windows (B, W, F): the net itself, or its session."""
    return net if step is None else lambda windows: step.torch(windows)[0]


def trial(net: WindowNet, inputs: int, n: int, step: OnnxNet | None = None) -> Forward:
    """Return a forward of any of n random windows."""
    run = forward(net, step)
    x = torch.randn(n, net.window, inputs, generator=torch.Generator().manual_seed(1))
    return lambda rows: (run(x[rows]),)
