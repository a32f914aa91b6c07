"""Whether a version can be served here: its columns are there, and its nets round alike wherever a row stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.architectures import StepNet, WindowNet
from models.buckets import check_places
from models.bundle import Bundle
from models.inputs import Inputs
from models.metadata import Metadata
from models.stepper import trial as of_steps
from models.window_stepper import trial as of_windows


def check_columns(metadata: Metadata, names: Sequence[str], fingerprints: Mapping[str, str]) -> Inputs:
    """Return what makes a model's inputs of rows with these columns.

    Raises ValueError, naming the columns, where they are not the ones it was trained on.
    """
    try:
        return Inputs(metadata.columns, names, fingerprints)
    except ValueError as error:
        raise ValueError(f"model {metadata.version} can't run here: {error}") from None


def check_nets(bundle: Bundle, inputs: int, least: int) -> None:
    """Raise ValueError where a net rounds by a row's place in a bucket of `least` rows."""
    for name, net in bundle.nets.items():
        tried = of_steps(net, inputs, least) if isinstance(net, StepNet) else None
        if isinstance(net, WindowNet):
            tried = of_windows(net, inputs, least)
        assert tried is not None
        try:
            check_places(least, tried)
        except ValueError as error:
            raise ValueError(f"model {bundle.metadata.version} can't be served: {name}: {error}") from None
