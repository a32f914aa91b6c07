"""Feature columns that an architecture reads by name, as they are: what it needs beside the scaled inputs.

They stand first among a model's columns, with center 0 and scale 1 (so an undefined value counts as 0, and 8 is the
largest), and the net is told where by its option `places`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from models.architectures import named_by
from models.data.dataset import Dataset, TrainingRefused
from models.metadata import ColumnUse


def named_columns(dataset: Dataset, architectures: Iterable[str]) -> tuple[ColumnUse, ...]:
    """Return the columns that the architectures name, each once. Raises TrainingRefused where one is not there."""
    names = dict.fromkeys(name for architecture in architectures for name in named_by(architecture))
    if missing := [name for name in names if name not in dataset.columns]:
        raise TrainingRefused(
            f"training set: the columns {missing} are not in it, which the architecture reads by name; load the "
            "families that hold them"
        )
    return tuple(
        ColumnUse(name, dataset.fingerprints[name], name in dataset.required, 0.0, 1.0, False) for name in names
    )


def places(architecture: str, columns: Sequence[ColumnUse]) -> dict[str, Any]:
    """Return the option that tells a net where its named columns are, none where it names none.

    Raises TrainingRefused where one is not among the columns as it is.
    """
    names = named_by(architecture)
    there = {column.name: k for k, column in reversed(list(enumerate(columns))) if plain(column)}
    if missing := [name for name in names if name not in there]:
        raise TrainingRefused(f"training: {architecture} reads the columns {missing}, which the model leaves out")
    return {"places": [there[name] for name in names]} if names else {}


def plain(column: ColumnUse) -> bool:
    """Return whether a column is given as it is."""
    return column.center == 0.0 and column.scale == 1.0
