"""What a model's members made of each feature column: the gains of the trees' splits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.metadata import ColumnUse, Metadata
from models.trees.flat import split_gains

NOT_AVAILABLE = "not available: a net has no split gains, and nothing kept with the version attributes its output"


def gain_shares(folder: Path, metadata: Metadata) -> dict[str, dict[str, float]]:
    """Return, for each member of trees, each used column's share of the gain of all splits.

    `folder` is the version's. Both heads (mean and log variance) count the same; the gain of a column's mask bit is
    the column's. Raises ValueError or OSError where a file can't be read.
    """
    return {
        name: _of_heads([(folder / file).read_text(encoding="utf-8") for file in member.files], metadata.columns)
        for name, member in metadata.members.items()
        if member.kind == "trees"
    }


def without_gains(metadata: Metadata) -> dict[str, str]:
    """Return what there is to say of the members that have no gains."""
    return {name: NOT_AVAILABLE for name, member in metadata.members.items() if member.kind != "trees"}


def _of_heads(heads: Sequence[str], columns: Sequence[ColumnUse]) -> dict[str, float]:
    owner = [*range(len(columns)), *(k for k, column in enumerate(columns) if column.masked)]  # column of each input
    shares = np.zeros(len(columns))
    for text in heads:
        gains = np.bincount(owner, split_gains(text, len(owner)), len(columns))
        shares += gains / max(gains.sum(), np.finfo(float).tiny) / len(heads)
    return {column.name: float(share) for column, share in zip(columns, shares)}
