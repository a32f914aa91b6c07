"""Describe rows as a reference: their distribution, and how far an ordinary window of them lies from the rest.

Bar times are cut into windows, and each window is compared with all the others. A column's noise is the 0.9 quantile
of its index over the windows; how many times its noise any column reached in any window is the bound for all. So rows
that hang together in time and across symbols, and columns that always move (a clock), don't raise an alarm, and one
alarm stands for all columns together: the step-down idea of Westfall and Young (1993), over windows instead of
resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.drift.bins import BINS, EDGES, count, drawn, edges_of, stability
from models.drift.reference import Column, Part
from models.labels import Float32
from models.mapped import PAGE, chunks, picked
from schema.ticks import Int64

WINDOWS: Final = 40  # that a history is cut into, where that gives windows of these lengths
SHORTEST: Final = 15  # bar times
LONGEST: Final = 240
LEAST_WINDOWS: Final = 20
_MOST_WINDOWS: Final = 200  # the newest
_SAMPLE: Final = 50_000  # rows that deciles are taken over
_CELLS: Final = 128  # that a row costs on average
_ENOUGH: Final = 1_000  # rows of a window that are counted at least, before any is left out
_NOISE: Final = 0.9  # quantile
_SLIGHT: Final = 0.02  # no column's noise counts as less
_MODERATE: Final = 0.1  # a smaller index is no drift, by the usual rule of thumb


def describe(
    names: Sequence[str], values: NDArray[Any], rows: NDArray[np.intp], take: Sequence[int], time: Int64
) -> Part | None:
    """Describe columns `take` of some rows of `values` (n, F), in stream order; `time` is theirs (ns UTC).

    Returns None where there are too few bar times to say what is ordinary: nine windows raised a false alert at once.
    """
    starts = np.flatnonzero(np.diff(time, prepend=-1))  # where a bar time begins
    length = int(np.clip(len(starts) // WINDOWS, SHORTEST, LONGEST))
    n = min(len(starts) // length, _MOST_WINDOWS)
    if n < LEAST_WINDOWS or not names:
        return None
    bounds = np.append(starts[len(starts) - n * length :: length], len(rows))
    places = np.asarray(take, np.int64)
    seen = rows[bounds[0] :]
    sample = picked(values, seen[:: -(-len(seen) // _SAMPLE)])[:, places].astype(np.float64)
    edges = np.stack([edges_of(_defined(column)) for column in sample.T], axis=1)
    counts = np.zeros((n, len(places), BINS), np.int64)
    usual = int(np.median(np.diff(bounds)))
    every = max(min(-(-len(places) // _CELLS), usual // _ENOUGH), 1)
    for w in range(n):
        inside = drawn(rows[bounds[w] : bounds[w + 1]], 0, every)
        for part in chunks(len(inside), max(values.strides[0], PAGE)):
            count(values, inside[part], places, edges, counts[w])
    limits = _limits(counts)
    together = counts.sum(axis=0)
    columns = [_column(names[j], sample[:, j], edges[:, j], together[j], limits[j]) for j in range(len(places))]
    return Part(length, max(usual // 4, 1), every, n, tuple(columns))


def _limits(counts: Int64) -> NDArray[np.float64]:
    """Return the bound of each column, of counts (windows, C, BINS)."""
    apart = stability(counts, counts.sum(axis=0) - counts)
    noise = np.maximum(np.quantile(apart, _NOISE, axis=0), _SLIGHT)
    return np.asarray(np.maximum((apart / noise).max() * noise, _MODERATE))


def _column(name: str, sample: NDArray[np.float64], edges: Float32, counts: Int64, bound: float) -> Column:
    defined = _defined(sample)
    known = len(defined) > 0
    return Column(
        name, tuple(edges[np.isfinite(edges)].tolist()), tuple(counts.tolist()),
        float(defined.mean()) if known else None, float(defined.std()) if known else None,
        float(counts[EDGES + 1] / counts.sum()), float(bound),
    )  # fmt: skip


def _defined(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    return sample[np.isfinite(sample)]
