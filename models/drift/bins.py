"""Counts of values by bins, and how far two such histograms lie apart.

Population stability index: sum of (p - q) ln(p / q) over bins, Jeffreys' divergence (Jeffreys 1946; its distribution:
Yurdakul 2018, "Statistical properties of the population stability index"). Bins: up to ten between the reference's
deciles, and one for undefined values, so a column that falls silent drifts as well.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.labels import Float32
from schema.ticks import Float64, Int64

EDGES: Final = 9
BINS: Final = EDGES + 2  # the last one: undefined
_GOLDEN: Final = np.uint64(2_654_435_769)  # 2**32 over the golden ratio
_WORD: Final = np.uint64(2**32)
_HALF: Final = 0.5  # added to each bin that either side has seen: a bin with nothing in it has no logarithm


@njit(cache=True)
def count(values, rows, take, edges, counts):  # type: ignore[no-untyped-def]
    """Add rows of `values` (n, F) to counts (C, BINS): column `take[j]` goes to row j by `edges` (EDGES, C).

    A bin is the number of edges below the value, taken as float32.
    """
    width = len(take)
    x, place = np.empty(width, np.float32), np.empty(width, np.int32)
    for k in range(len(rows)):
        row = rows[k]
        for j in range(width):
            x[j] = np.float32(values[row, take[j]])
            place[j] = 0
        for e in range(EDGES):
            for j in range(width):
                place[j] += x[j] > edges[e, j]
        for j in range(width):
            counts[j, EDGES + 1 if np.isnan(x[j]) else place[j]] += 1


def drawn(rows: Int64, first: int, every: int) -> Int64:
    """Return about one in `every` of rows whose places in their window are `first` and on, however they are cut.

    By multiples of the golden ratio, so that no symbol is drawn more often than another.
    """
    if every == 1:
        return rows
    places = np.arange(first, first + len(rows), dtype=np.uint64)
    return rows[(places * _GOLDEN) % _WORD < _WORD // np.uint64(every)]


def edges_of(sample: Float64) -> Float32:
    """Return the distinct deciles (EDGES,) of defined values, padded with infinity."""
    edges = np.full(EDGES, np.inf, np.float32)
    if len(sample):
        deciles = np.unique(np.quantile(sample, np.linspace(0.1, 0.9, EDGES)).astype(np.float32))
        edges[: len(deciles)] = deciles
    return edges


def stability(found: Int64, known: Int64) -> Float64:
    """Return the population stability index (...) of counts (..., BINS)."""
    seen = (found + known) > 0
    p, q = _shares(found, seen), _shares(known, seen)
    terms = np.where(seen, (p - q) * np.log(np.where(seen, p, 1.0) / np.where(seen, q, 1.0)), 0.0)
    return np.asarray(terms.sum(axis=-1))


def distance(found: Int64, known: Int64) -> Float64:
    """Return Kolmogorov and Smirnov's distance (...) of defined values in counts (..., BINS), at the bins' edges."""
    p, q = (_cumulated(counts[..., :-1]) for counts in (found, known))
    return np.asarray(np.abs(p - q).max(axis=-1))


def _shares(counts: Int64, seen: NDArray[np.bool_]) -> Float64:
    filled = np.where(seen, counts + _HALF, 0.0)
    return np.asarray(filled / filled.sum(axis=-1, keepdims=True))


def _cumulated(counts: Int64) -> Float64:
    return np.asarray(np.cumsum(counts, axis=-1) / np.maximum(counts.sum(axis=-1, keepdims=True), 1))
