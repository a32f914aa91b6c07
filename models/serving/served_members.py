"""The members of a model in service: nets with their state a symbol, and trees; what each says of rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.architectures import Net, StepNet, WindowNet
from models.labels import Float32
from models.registry.bundle import Bundle
from models.serving.ladder import best_under, tiers_of
from models.serving.onnx_nets import OnnxNet, onnx_nets
from models.serving.onnx_stepper import OnnxStepper
from models.serving.paths import derived
from models.serving.stepper import Stepper
from models.serving.window_stepper import WindowStepper
from models.trees.flat import walk
from schema.predictions import Tier
from schema.ticks import Float64, Int32

AnyStepper = Stepper | WindowStepper | OnnxStepper


@dataclass(frozen=True, slots=True)
class Device:
    """Where nets run, and in which shapes."""

    name: str  # "cpu" or "cuda"
    buckets: tuple[int, ...]
    executor: str = "torch"  # of nets on the CPU: "torch" or "onnx"


class ServedMembers:
    """A version's members at one of its tiers, with recurrent states or rings of S symbols.

    With `paths` they speak of every horizon, else of the primary one. `tiers` are those it has here, best first;
    `weights` the vote of the members that the present one has.
    """

    def __init__(self, bundle: Bundle, width: int, device: Device, n_symbols: int, *, paths: bool) -> None:
        """Take a version that reads `width` inputs a row."""
        self._bundle, self._width, self._device, self._n_symbols = bundle, width, device, n_symbols
        self._paths, self.weights = paths, dict[str, float]()
        self.tiers = tiers_of(bundle, device.name)
        self.tier, self._steppers = self.tiers[0], dict[str, AnyStepper]()
        self.enter(self.tier)

    def enter(self, cap: Tier) -> None:
        """Serve at the best tier that `cap` allows. Nets begin from a zero state: a lost device's can't be read."""
        self.tier = best_under(self.tiers, cap)
        self._steppers = self._steppers_at(self.tier)
        nets = self.tier in (Tier.GPU, Tier.CPU)
        self.weights = {name: w for name, w in self._bundle.weights.items() if nets or name in self._bundle.trees}

    def probe(self, tier: Tier) -> None:
        """Try whether a tier works again, beside the one that serves. Raises RuntimeError where it doesn't."""
        for stepper in self._steppers_at(tier).values():
            stepper.run(np.zeros((1, self._width), np.float32), np.zeros(1, np.int32))

    def _steppers_at(self, tier: Tier) -> dict[str, AnyStepper]:
        if tier not in (Tier.GPU, Tier.CPU):
            return {}
        place = self._device.name if tier == Tier.GPU else "cpu"
        horizons, buckets, n = self._bundle.metadata.horizons, self._device.buckets, max(self._n_symbols, 1)
        onnx = onnx_nets(self._bundle) if place == "cpu" and self._device.executor == "onnx" else {}
        return {
            name: stepper(net, self._width, horizons, place, buckets, n, onnx.get(name))
            for name, net in self._bundle.nets.items()
        }

    def grow(self, n_symbols: int) -> None:
        """Make room for more symbols."""
        self._n_symbols = n_symbols
        for stepper in self._steppers.values():
            stepper.grow(n_symbols)

    def heads(self, x: Float32, symbol: Int32) -> Float64:
        """Return calibrated means and log variances, (M, n, H, 2), of rows x (n, F), in the order of the weights.

        H is all horizons where paths are wanted, else the primary one alone. NaN where a window isn't full. Raises
        RuntimeError where the device fails.
        """
        metadata, heads = self._bundle.metadata, list[Float64]()
        wanted = slice(None) if self._paths else slice(metadata.primary - 1, metadata.primary)
        for name in self.weights:
            member = metadata.members[name]
            if name in self._steppers:
                found = self._steppers[name].run(x, symbol)[:, wanted].astype(np.float64)
            else:
                trees = self._bundle.trees[name]
                mean, log_variance = walk(trees.mean, x), walk(trees.log_variance, x)
                found = (
                    derived(mean, log_variance, member) if self._paths else np.stack((mean, log_variance), -1)[:, None]
                )
            found[..., 1] += math.log(member.variance_scale)
            heads.append(found)
        return np.stack(heads)

    def snapshot(self) -> dict[str, Any]:
        """Return states or rings by member of the present tier (live: copy at once)."""
        return {name: stepper.snapshot() for name, stepper in self._steppers.items()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take over what `snapshot` gave at the same tier."""
        for name, stepper in self._steppers.items():
            stepper.restore(snapshot[name])


def stepper(
    net: Net, inputs: int, horizons: int, device: str, buckets: Sequence[int], n_symbols: int,
    onnx: OnnxNet | None = None,
) -> AnyStepper:  # fmt: skip
    """Return what runs a net on rows of S symbols: from its state, or over windows of its last inputs.

    On a CPU that may be a session of ONNX Runtime.
    """
    if isinstance(net, WindowNet):
        return WindowStepper(net, inputs, horizons, device, buckets, n_symbols, onnx)
    assert isinstance(net, StepNet)
    if onnx is not None:
        return OnnxStepper(onnx, net, inputs, horizons, buckets, n_symbols)
    return Stepper(net, inputs, horizons, device, buckets, n_symbols)
