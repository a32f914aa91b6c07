"""Formats of a graph: how it is written, and how it is run again from what was written."""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from models.export.graph import ROWS, Graph

Run = Callable[[tuple[Tensor, ...]], tuple[Tensor, ...]]
LARGEST_BATCH: Final = 4096


def write_torch(graph: Graph, path: Path) -> None:
    """Write a `torch.export` archive; `torch.export.load(PATH).module()` runs it without our code."""
    torch.export.save(_program(graph), path)


def read_torch(graph: Graph, path: Path) -> Run:
    """Return what runs an archive."""
    module = torch.export.load(path).module()

    def run(given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        with torch.inference_mode():
            out = module(*given)
        return out if isinstance(out, tuple) else (out,)

    return run


def write_onnx(graph: Graph, path: Path) -> None:
    """Write ONNX with its weights inside."""
    with _quiet(), _uncollected():
        program = torch.onnx.export(
            _program(graph), (), input_names=graph.inputs, output_names=graph.outputs, dynamo=True, verbose=False
        )
        assert program is not None
        _strip(program.model)
        program.save(path, external_data=False)


def _strip(model: Any) -> None:
    """Take out where each node came from: lines of source, with the folders of this machine and ids of this process."""
    parts = [model, model.graph, *model.graph.inputs, *model.graph.initializers.values()]
    for node in model.graph.all_nodes():
        parts += (node, *node.outputs)
    for part in parts:
        part.metadata_props.clear()


def read_onnx(graph: Graph, path: Path) -> Run:
    """Return what runs a file with ONNX Runtime on one thread of the CPU."""
    session = session_of(path)

    def run(given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        feed = {name: tensor.numpy() for name, tensor in zip(graph.inputs, given, strict=True)}
        return tuple(torch.from_numpy(out) for out in session.run(list(graph.outputs), feed))

    return run


def session_of(path: Path) -> Any:
    """Open a file as an `onnxruntime.InferenceSession` on one thread of the CPU."""
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _program(graph: Graph) -> torch.export.ExportedProgram:
    batch = torch.export.Dim("batch", min=2, max=LARGEST_BATCH)
    with _quiet():
        return torch.export.export(
            graph.module, graph.example(ROWS[0]), dynamic_shapes=tuple({0: batch} for _ in graph.inputs)
        )


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Let the garbage collector rest: an export makes so many objects that walks over them took half of its time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters from writing of their progress and of torch's own deprecations."""
    before = logging.root.manager.disable
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
