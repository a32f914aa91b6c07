"""From feature rows to a model's inputs: the same kernel for training and for serving.

An input is `(x - center) / scale`, clipped to +-8, 0 where x is undefined; behind the columns follow the mask bits
(1 where undefined) of those columns that were undefined in a fair share of the fit slice. A bit that never changed
there would meet untrained weights, so such columns have none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.data.dataset import Dataset
from models.labels import Float32
from models.mapped import PAGE, chunks, picked
from models.metadata import ColumnUse
from schema.ticks import Bool, Float64, Int32, Int64

CLIP = np.float32(8.0)
_FAIR_SHARE = 0.01  # of rows: below it a column counts as never (or always) undefined
_STRAY_SHARE = 0.1  # of later rows outside the range of the fit slice: above it a column is left out
_SAMPLE = 200_000  # rows that medians are taken over


class Inputs:
    """Makes inputs from rows whose columns have the given names.

    Raises ValueError, naming the columns, where one the model uses is missing or has another fingerprint.
    """

    def __init__(self, columns: Sequence[ColumnUse], names: Sequence[str], fingerprints: Mapping[str, str]) -> None:
        place = {name: k for k, name in enumerate(names)}
        missing = [c.name for c in columns if c.name not in place]
        changed = [c.name for c in columns if c.name in place and fingerprints.get(c.name) != c.fingerprint]
        if missing or changed:
            raise ValueError(
                f"the feature columns {missing} are missing and {changed} have another definition (fingerprint) than "
                "the ones it was trained on; load their families, or train on the present catalogue"
            )
        self._take = np.array([place[c.name] for c in columns], np.int64)
        self._center = np.array([c.center for c in columns], np.float32)
        self._scale = np.array([c.scale for c in columns], np.float32)
        self._masked = np.flatnonzero([c.masked for c in columns]).astype(np.int64)
        self._required = np.array([place[c.name] for c in columns if c.required], np.int64)

    @property
    def width(self) -> int:
        """How many inputs there are."""
        return len(self._take) + len(self._masked)

    def eligible(self, values: NDArray[np.floating], rows: Int64) -> Bool:
        """Return which of the given rows have all required columns."""
        return _eligible(values, rows, self._required)  # type: ignore[no-any-return]

    def make(self, values: NDArray[np.floating], rows: Int64) -> Float32:
        """Return the inputs (len(rows), width) of the given rows of `values` (n, F)."""
        out = np.empty((len(rows), self.width), np.float32)
        _make(values, rows, self._take, self._center, self._scale, self._masked, out)
        return out

    def of(self, values: NDArray[np.floating], rows: Int64) -> Float32:
        """Return what `make` does, of rows that lie anywhere in a mapped file."""
        out = np.empty((len(rows), self.width), np.float32)
        for part in chunks(len(rows), max(values.strides[0], PAGE)):
            out[part] = self.make(values, rows[part])
        return out


@njit(cache=True)
def _eligible(values, rows, required):  # type: ignore[no-untyped-def]
    out = np.ones(len(rows), np.bool_)
    for k in range(len(rows)):
        for column in required:
            if np.isnan(values[rows[k], column]):
                out[k] = False
    return out


@njit(cache=True)
def _make(values, rows, take, center, scale, masked, out):  # type: ignore[no-untyped-def]
    """Gather a row first: what follows reads and writes in order, without a branch, several numbers an instruction."""
    width = len(take)
    for k in range(len(rows)):
        row, made = values[rows[k]], out[k]
        for j in range(width):
            made[j] = row[take[j]]
        for j in range(len(masked)):
            made[width + j] = np.isnan(made[masked[j]])
        for j in range(width):
            x = made[j]
            scaled = min(max((x - center[j]) / scale[j], -CLIP), CLIP)
            made[j] = np.float32(0.0) if np.isnan(x) else scaled


def fit_columns(dataset: Dataset, fit: NDArray[np.intp], later: NDArray[np.intp]) -> tuple[ColumnUse, ...]:
    """Choose and scale the columns by the rows of the fit slice.

    Scale: the interquartile range as a standard deviation, at least a quarter of the standard deviation. Left out are
    optional columns that are nearly always undefined, never change, or leave in the `later` rows (stop and calibrate
    slice) the range they had: a clock over less than a day, a running total. Raises ValueError where a required column
    can't be used.
    """
    sample, after = (picked(dataset.values, rows[:: -(-len(rows) // _SAMPLE)]) for rows in (fit, later))
    columns = []
    for k, name in enumerate(dataset.columns):
        x = sample[:, k].astype(np.float64)
        defined = x[np.isfinite(x)]
        required = name in dataset.required
        if len(defined) < max(_FAIR_SHARE * len(x), 2) or defined.min() == defined.max():
            if required:
                raise ValueError(
                    f"training set: the required column {name!r} is constant or undefined in all {len(x)} rows of the "
                    "fit slice; replay a history in which the market moves"
                )
            continue
        if not required and _leaves_range(defined, after[:, k]):
            continue
        low, center, high = np.percentile(defined, (25, 50, 75))
        scale = max((high - low) / 1.349, defined.std() / 4)
        undefined = 1 - len(defined) / len(x)
        masked = not required and undefined >= _FAIR_SHARE
        if float(np.float32(scale)) > 0:
            columns.append(
                ColumnUse(name, dataset.fingerprints[name], required, float(np.float32(center)),
                          float(np.float32(scale)), bool(masked))
            )  # fmt: skip
    return tuple(columns)


def _leaves_range(defined: Float64, later: Float32) -> bool:
    low, high = np.percentile(defined, (0.1, 99.9))
    return bool(np.mean((later < low) | (later > high)) > _STRAY_SHARE)


def fit_floor(sigma: Float64, symbol: Int32) -> float:
    """Return the least volatility of a label's unit: a quarter of the RMS of sigma_t in the quietest tenth of symbols.

    In an idle market sigma_t decays towards zero, and the next tick would be a label of thousands of units.
    Raises ValueError where the price never moved.
    """
    typical = np.array([np.sqrt(np.mean(sigma[symbol == s] ** 2)) for s in np.unique(symbol)])
    if not typical.any():
        raise ValueError(
            f"training set: the reference price never moves in {len(sigma)} rows of the fit slice; "
            "replay a history in which the market moves, or use a coarser timeframe"
        )
    return float(0.25 * np.quantile(typical[typical > 0], 0.1))
