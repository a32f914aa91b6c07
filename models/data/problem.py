"""What the members of one fold are fitted to: inputs scaled on its fit slice, labels in their unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.data.dataset import Dataset
from models.data.folds import Fold, MaskedLabels
from models.data.inputs import Inputs, fit_columns, fit_floor
from models.data.named import named_columns
from models.data.selection import choose, most_optional
from models.labels import Float32
from models.mapped import Spool, chunks, column
from models.metadata import ColumnUse
from schema.ticks import Float64


@dataclass(frozen=True, slots=True)
class Problem:
    """The rows up to the end of a fold, m of them, as its members see them. `x` and `y` are mapped files."""

    dataset: Dataset
    fold: Fold
    columns: tuple[ColumnUse, ...]
    floor: float
    primary: int
    sigma: Float64  # (m,) at least the floor: the unit of a label at horizon h is sigma sqrt(h)
    x: Float32  # (m, inputs)
    y: Float64  # (m, H) labels in their unit; NaN where there is none or it looks behind its slice
    label: Float64  # (m,) y at the primary horizon
    scratch: Path | None  # where files without a name go

    @property
    def rows(self) -> int:
        """m."""
        return len(self.x)

    @property
    def unit(self) -> Float64:
        """(m,) of labels at the primary horizon: sigma_t sqrt(h)."""
        return self.sigma * float(np.sqrt(self.primary))


def problem_of(
    dataset: Dataset, fold: Fold, architectures: Sequence[str], most_columns: int, primary: int,
    columns: tuple[ColumnUse, ...] = (), floor: float = 0.0, scratch: Path | None = None,
) -> Problem:  # fmt: skip
    """Scale the columns on the fold's fit slice and choose at most `most_columns` optional ones (0: all),
    or fewer where an architecture reads no more.

    What the architectures read by name stands before them, as it is.

    `columns` and `floor` of a version that is trained on are taken as they are. Inputs and labels are written to files
    without a name in the folder `scratch`, which go with the problem.
    """
    m = int(fold.test[-1]) + 1
    part = head(dataset, m)
    floor = floor or fit_floor(part.sigma[fold.fit], part.symbol[fold.fit])
    sigma = np.maximum(np.nan_to_num(part.sigma), floor)
    y = _labels(dataset, fold, sigma, scratch)
    label = column(y, primary - 1)
    if not columns:
        columns = fit_columns(part, fold.fit, np.concatenate((fold.stop, fold.calibrate)))
        if most := most_optional(columns, most_columns, architectures):
            columns = choose(part, columns, fold.fit, label[fold.fit], most)
        columns = (*named_columns(part, architectures), *columns)
    x = inputs_of(part, columns, scratch)
    return Problem(part, fold, columns, floor, primary, sigma, x, y, label, scratch)


def _labels(dataset: Dataset, fold: Fold, sigma: Float64, scratch: Path | None) -> Float64:
    """Write the labels (m, H) of the rows up to the fold's end, in their unit, to a file."""
    masked, roots = MaskedLabels(dataset, fold), np.sqrt(np.arange(1, dataset.horizons + 1))
    spool = Spool(np.float64, (dataset.horizons,), folder=scratch)
    for part in chunks(len(sigma), 8 * dataset.horizons):
        spool.append(masked(part) / (sigma[part, None] * roots))
    return spool.array()


def inputs_of(dataset: Dataset, columns: tuple[ColumnUse, ...], scratch: Path | None) -> Float32:
    """Write a model's inputs (n, width) of all rows to a file without a name in the folder `scratch`."""
    inputs = Inputs(columns, dataset.columns, dataset.fingerprints)
    spool = Spool(np.float32, (inputs.width,), folder=scratch)
    for part in chunks(len(dataset.time), dataset.values.strides[0]):
        spool.append(inputs.make(dataset.values, np.arange(part.start, part.stop)))
    return spool.array()


def head(dataset: Dataset, m: int) -> Dataset:
    """Return the first m rows, shared."""
    changed: dict[str, Any] = {
        name: getattr(dataset, name)[:m]
        for name in ("time", "symbol", "values", "eligible", "sigma", "price", "returns", "label_end", "past",
                     "trade_price")
    }  # fmt: skip
    kept = {name: getattr(dataset, name) for name in ("timeframe", "columns", "fingerprints", "required")}
    return Dataset(**kept, **changed)
