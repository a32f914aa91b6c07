"""A model repository for Triton Inference Server: a folder a net, ONNX and its configuration.

A net with a step form is served as a sequence: Triton keeps its state by correlation id, one a symbol, zero at the
first request of a sequence.
"""

from __future__ import annotations

from pathlib import Path

from models.export.formats import LARGEST_BATCH, write_onnx
from models.export.graph import Graph

_IDLE_US = 7 * 86_400 * 10**6  # a symbol that is silent for so long loses its state


def write_triton(graph: Graph, folder: Path) -> Path:
    """Write the folder of one net and return its ONNX file."""
    model = folder / "1" / "model.onnx"
    model.parent.mkdir(parents=True)
    write_onnx(graph, model)
    (folder / "config.pbtxt").write_text(configuration(graph, folder.name), encoding="utf-8")
    return model


def configuration(graph: Graph, name: str) -> str:
    """Return config.pbtxt."""
    parts = [
        f'name: "{name}"',
        'backend: "onnxruntime"',
        f"max_batch_size: {LARGEST_BATCH}",
        f"input [ {_tensor('x', graph.row)} ]",
        f"output [ {_tensor('heads', (graph.horizons, 2))} ]",
    ]
    if graph.state is None:
        parts.append("dynamic_batching { max_queue_delay_microseconds: 500 }")
    else:
        parts.append(
            f"sequence_batching {{\n  max_sequence_idle_microseconds: {_IDLE_US}\n"
            f"  oldest {{ max_candidate_sequences: {LARGEST_BATCH} }}\n"
            '  state [ { input_name: "state" output_name: "next_state" data_type: TYPE_FP32 '
            f"dims: [ {graph.state} ]\n"
            f'    initial_state: {{ name: "before the first bar" data_type: TYPE_FP32 dims: [ {graph.state} ] '
            "zero_data: true } } ]\n}"
        )
    return "\n".join(parts) + "\n"


def _tensor(name: str, dims: tuple[int, ...]) -> str:
    return f'{{ name: "{name}" data_type: TYPE_FP32 dims: [ {", ".join(map(str, dims))} ] }}'
