"""What the members of one fold are fitted to: inputs scaled on its fit slice, labels in their unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.dataset import Dataset
from models.folds import Fold, masked_labels
from models.inputs import Inputs, fit_columns, fit_floor
from models.labels import Float32
from models.metadata import ColumnUse
from models.named import named_columns
from models.selection import choose, most_optional
from schema.ticks import Float64


@dataclass(frozen=True, slots=True)
class Problem:
    """The rows up to the end of a fold, m of them, as its members see them."""

    dataset: Dataset
    fold: Fold
    columns: tuple[ColumnUse, ...]
    floor: float
    x: Float32  # (m, inputs)
    unit: Float64  # (m, H) sigma_t sqrt(h)
    y: Float64  # (m, H) labels in that unit; NaN where there is none or it looks behind its slice

    @property
    def rows(self) -> int:
        """m."""
        return len(self.x)


def problem_of(
    dataset: Dataset, fold: Fold, architectures: Sequence[str], most_columns: int, primary: int,
    columns: tuple[ColumnUse, ...] = (), floor: float = 0.0,
) -> Problem:  # fmt: skip
    """Scale the columns on the fold's fit slice and choose at most `most_columns` optional ones (0: all),
    or fewer where an architecture reads no more.

    What the architectures read by name stands before them, as it is.

    `columns` and `floor` of a version that is trained on are taken as they are.
    """
    m = int(fold.test[-1]) + 1
    part = head(dataset, m)
    floor = floor or fit_floor(part.sigma[fold.fit], part.symbol[fold.fit])
    unit = np.maximum(np.nan_to_num(part.sigma), floor)[:, None] * np.sqrt(np.arange(1, part.horizons + 1))
    y = masked_labels(dataset, fold)[:m] / unit
    if not columns:
        columns = fit_columns(part, fold.fit, np.concatenate((fold.stop, fold.calibrate)))
        if most := most_optional(columns, most_columns, architectures):
            columns = choose(part, columns, fold.fit, y[fold.fit, primary - 1], most)
        columns = (*named_columns(part, architectures), *columns)
    x = Inputs(columns, part.columns, part.fingerprints).make(part.values, np.arange(m))
    return Problem(part, fold, columns, floor, x, unit, y)


def head(dataset: Dataset, m: int) -> Dataset:
    """Return the first m rows, shared."""
    changed: dict[str, Any] = {
        name: getattr(dataset, name)[:m]
        for name in ("time", "symbol", "values", "eligible", "sigma", "price", "returns", "label_end", "past",
                     "trade_price")
    }  # fmt: skip
    kept = {name: getattr(dataset, name) for name in ("timeframe", "columns", "fingerprints", "required")}
    return Dataset(**kept, **changed)
