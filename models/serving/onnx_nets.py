"""Nets on the CPU through ONNX Runtime, one session a net: from the graphs in a version's folder."""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from models.architectures import Net, StepNet
from models.export.formats import session_of
from models.export.graph import ROWS, Graph, graph_of
from models.export.version import ExportFailed, compare
from models.labels import Float32
from models.registry.bundle import Bundle

_KEPT: Final = 16  # sessions, each with its weights: a version is made ready, then activated, then perhaps promoted


class NotExecutable(ValueError):
    """A net can't be run by ONNX Runtime here."""


class OnnxNet:
    """A net's graph in ONNX Runtime on one thread of the CPU."""

    def __init__(self, graph: Graph, path: Path) -> None:
        """Open what was written of a graph, and hold it against torch on a few rows.

        Raises NotExecutable where ONNX Runtime is missing, doesn't read the file, or says other things than torch.
        """
        self._inputs, self._outputs = graph.inputs, list(graph.outputs)
        try:
            self._session = session_of(path)
            self.report = compare(graph, path.name, lambda given: self.torch(*given), ROWS[:1])
        except ModuleNotFoundError as error:
            raise _not_executable(f"{error.name} is not installed: pip install 'undertone[export]'") from error
        except ExportFailed as error:
            raise _not_executable(str(error)) from error
        except Exception as error:  # what ONNX Runtime raises has no common base
            raise _not_executable(f"{path.name}: {str(error).splitlines()[0]}") from error

    def __call__(self, *given: Float32) -> list[Float32]:
        """Run rows (B, F) and states (B, K) to heads (B, H, 2) and next states, or windows (B, W, F) to heads."""
        found: list[Float32] = self._session.run(self._outputs, dict(zip(self._inputs, given, strict=True)))
        return found

    def torch(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Do the same from tensors to tensors."""
        return tuple(torch.from_numpy(out) for out in self(*(np.ascontiguousarray(part) for part in given)))


def exported(member: str, net: Net, inputs: int, horizons: int) -> OnnxNet:
    """Write the graph of a net that has none and open it: seconds of the CPU. Raises NotExecutable."""
    from models.export.stored import write_graphs

    with tempfile.TemporaryDirectory() as folder:
        try:
            written = write_graphs({member: net}, inputs, horizons, Path(folder))
        except ExportFailed as error:
            raise _not_executable(str(error)) from error
        return OnnxNet(graph_of(member, net, inputs, horizons), Path(folder) / written[member].file)


def _not_executable(why: str) -> NotExecutable:
    return NotExecutable(f"inference.executor onnx: {why}; or set it to torch")


_READY: OrderedDict[Any, OnnxNet] = OrderedDict()


def onnx_nets(bundle: Bundle) -> dict[str, OnnxNet]:
    """Return a version's nets by name: one that was asked for lately, from its graph's file, else exported now.

    Raises NotExecutable.
    """
    return {name: _ready(bundle, name, net) for name, net in bundle.nets.items()}


def _ready(bundle: Bundle, name: str, net: Net) -> OnnxNet:
    metadata, path = bundle.metadata, bundle.graphs.get(name)
    made = (metadata.version, name, *sorted(metadata.checksums.items()))
    key: Any = made if metadata.checksums else net  # one that lies in no registry is known by its net
    if key not in _READY:
        sizes = (metadata.width, metadata.horizons)
        _READY[key] = exported(name, net, *sizes) if path is None else OnnxNet(graph_of(name, net, *sizes), path)
    _READY.move_to_end(key)
    while len(_READY) > _KEPT:
        _READY.popitem(last=False)
    return _READY[key]


def lacks_graphs(bundle: Bundle) -> bool:
    """Return whether a net of a version has no graph in its folder."""
    return not bundle.nets.keys() <= bundle.graphs.keys()


def executor_of(bundle: Bundle, wanted: str) -> str:
    """Return who is to run a version's nets on the CPU: `wanted`, or where that is "auto" the one that wins.

    That is ONNX Runtime for nets with a step form, at every size (docs/executors.md), where their graphs lie in the
    version's folder and can be run here. Nets over windows it makes slower in part, and they stay with torch.
    """
    if wanted != "auto":
        return wanted
    steps = all(isinstance(net, StepNet) for net in bundle.nets.values())
    if not bundle.nets or not steps or lacks_graphs(bundle):
        return "torch"
    try:
        onnx_nets(bundle)
    except NotExecutable:
        return "torch"
    return "onnx"
