"""Which columns a model reads where it may not read all: those that go best with the labels of the fit slice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.architectures import net_of
from models.data.dataset import Dataset
from models.data.inputs import Inputs
from models.metadata import ColumnUse
from schema.ticks import Float64, Int64

_SAMPLE = 50_000  # rows that correlations are taken over
_ALIKE = 0.98  # correlation with a column that is chosen already, above which another says nothing new


def choose(
    dataset: Dataset, columns: tuple[ColumnUse, ...], fit: Int64, y: Float64, most: int
) -> tuple[ColumnUse, ...]:
    """Return the required columns and at most `most` others, in the given order.

    `y` are the labels of the rows `fit`. A column counts by its correlation with the label or with the label's size,
    whichever is larger: one says where, the other says how far. Near copies of a better column are passed over.
    """
    step = -(-len(fit) // _SAMPLE)
    rows, y = fit[::step], y[::step]
    inputs = Inputs(columns, dataset.columns, dataset.fingerprints).of(dataset.values, rows)
    x = _standard(inputs[:, : len(columns)].astype(np.float64))
    worth = np.maximum(*(np.abs(_standard(target[:, None])[:, 0] @ x) / len(rows) for target in (y, np.abs(y))))
    chosen: list[int] = []
    for k in np.argsort(-worth, kind="stable").tolist():
        if len(chosen) == most:
            break
        if not columns[k].required and not any(abs(x[:, k] @ x[:, j]) / len(rows) > _ALIKE for j in chosen):
            chosen.append(k)
    return tuple(column for k, column in enumerate(columns) if column.required or k in chosen)


def most_optional(columns: tuple[ColumnUse, ...], setting: int, architectures: Sequence[str]) -> int:
    """Return how many optional columns may stand beside the required ones, 0 for all.

    That is `setting`, or what the architecture leaves that reads the fewest.
    """
    required = sum(column.required for column in columns)
    limits = [net_of(name).most_columns for name in architectures]
    return min([*(max(limit - required, 1) for limit in limits if limit), *([setting] if setting else [])], default=0)


def _standard(x: Float64) -> Float64:
    centred: Float64 = x - x.mean(axis=0)
    centred /= np.maximum(centred.std(axis=0), 1e-12)
    return centred
