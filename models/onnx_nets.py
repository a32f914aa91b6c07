"""Nets on the CPU through ONNX Runtime: the graph that `undertone export` writes, one session a net."""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from models.architectures import Net, StepNet
from models.bundle import Bundle
from models.labels import Float32

_KEPT: Final = 16  # sessions, each with its weights: a version is made ready, then activated, then perhaps promoted


class NotExecutable(ValueError):
    """A net can't be run by ONNX Runtime here."""


class OnnxNet:
    """A net's graph in ONNX Runtime on one thread of the CPU."""

    def __init__(self, member: str, net: Net, inputs: int, horizons: int) -> None:
        """Write the graph, read it back and hold it against torch. Takes seconds.

        Raises NotExecutable where a library is missing, the net can't be exported, or it says other things than torch.
        """
        from models.export.formats import session_of
        from models.export.graph import graph_of
        from models.export.version import ExportFailed, export_member

        graph = graph_of(member, net, inputs, horizons)
        with tempfile.TemporaryDirectory() as folder:
            try:
                self.report = export_member(graph, "onnx", Path(folder))
                self._session = session_of(Path(folder) / self.report.file)
            except (ExportFailed, ModuleNotFoundError) as error:
                raise NotExecutable(f"inference.executor onnx: {error}; or set it to torch") from error
        self._inputs, self._outputs = graph.inputs, list(graph.outputs)

    def __call__(self, *given: Float32) -> list[Float32]:
        """Run rows (B, F) and states (B, K) to heads (B, H, 2) and next states, or windows (B, W, F) to heads."""
        found: list[Float32] = self._session.run(self._outputs, dict(zip(self._inputs, given, strict=True)))
        return found

    def torch(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Do the same from tensors to tensors."""
        return tuple(torch.from_numpy(out) for out in self(*(np.ascontiguousarray(part) for part in given)))


_READY: OrderedDict[Any, OnnxNet] = OrderedDict()


def onnx_nets(bundle: Bundle) -> dict[str, OnnxNet]:
    """Return a version's nets by name; one that was asked for lately is there already. Raises NotExecutable."""
    return {name: _ready(bundle, name, net) for name, net in bundle.nets.items()}


def _ready(bundle: Bundle, name: str, net: Net) -> OnnxNet:
    metadata = bundle.metadata
    made = (metadata.version, name, *sorted(metadata.checksums.items()))
    key: Any = made if metadata.checksums else net  # one that lies in no registry is known by its net
    if key not in _READY:
        _READY[key] = OnnxNet(name, net, metadata.width, metadata.horizons)
    _READY.move_to_end(key)
    while len(_READY) > _KEPT:
        _READY.popitem(last=False)
    return _READY[key]


def executor_of(bundle: Bundle, wanted: str) -> str:
    """Return who is to run a version's nets on the CPU: `wanted`, or where that is "auto" the one that wins.

    That is ONNX Runtime for nets with a step form, at every size (docs/executors.md), where they can be exported here.
    Nets over windows it makes slower in part, and they stay with torch.
    """
    if wanted != "auto" or not bundle.nets:
        return "torch" if wanted == "auto" else wanted
    if not all(isinstance(net, StepNet) for net in bundle.nets.values()):
        return "torch"
    try:
        onnx_nets(bundle)
    except NotExecutable:
        return "torch"
    return "onnx"
