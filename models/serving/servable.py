"""Whether a version can be served here: its columns are there, and its nets round alike wherever a row stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.architectures import Net, StepNet, WindowNet
from models.data.inputs import Inputs
from models.metadata import Metadata
from models.registry.bundle import Bundle
from models.serving.buckets import Forward, check_places
from models.serving.onnx_nets import OnnxNet, onnx_nets
from models.serving.onnx_stepper import trial as of_graph_steps
from models.serving.stepper import trial as of_steps
from models.serving.window_stepper import trial as of_windows


def check_columns(metadata: Metadata, names: Sequence[str], fingerprints: Mapping[str, str]) -> Inputs:
    """Return what makes a model's inputs of rows with these columns.

    Raises ValueError, naming the columns, where they are not the ones it was trained on.
    """
    try:
        return Inputs(metadata.columns, names, fingerprints)
    except ValueError as error:
        raise ValueError(f"model {metadata.version} can't run here: {error}") from None


def check_nets(bundle: Bundle, inputs: int, least: int, executor: str) -> None:
    """Raise ValueError where a net rounds by a row's place in a bucket of `least` rows, or can't be run at all."""
    nets = onnx_nets(bundle) if executor == "onnx" else {}
    for name, net in bundle.nets.items():
        try:
            check_places(least, _tried(net, nets.get(name), inputs, least))
        except ValueError as error:
            raise ValueError(f"model {bundle.metadata.version} can't be served: {name}: {error}") from None


def _tried(net: Net, step: OnnxNet | None, inputs: int, least: int) -> Forward:
    if isinstance(net, WindowNet):
        return of_windows(net, inputs, least, step)
    assert isinstance(net, StepNet)
    return of_steps(net, inputs, least) if step is None else of_graph_steps(step, net, inputs, least)
