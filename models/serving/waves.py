"""The order in which rows of a batch are stepped: each wave holds at most one row of a symbol."""

from __future__ import annotations

import numpy as np
from numba import njit

from schema.ticks import Int32, Int64


def waves(symbol: Int32, n_symbols: int) -> tuple[Int64, list[int]]:
    """Order rows so that each wave holds at most one row of a symbol: the k-th wave its k-th row.

    Returns the order (n,) and the bounds of the waves in it. Within a bar time this is one wave.
    """
    order = np.empty(len(symbol), np.int64)
    bounds = _waves(symbol, n_symbols, order)
    return order, bounds.tolist()


@njit(cache=True)
def _waves(symbol, n_symbols, order):  # type: ignore[no-untyped-def]
    seen = np.zeros(n_symbols, np.int64)
    wave = np.empty(len(symbol), np.int64)
    for k in range(len(symbol)):
        wave[k] = seen[symbol[k]]
        seen[symbol[k]] += 1
    bounds = np.zeros(seen.max() + 1, np.int64)
    for k in range(len(symbol)):
        bounds[wave[k] + 1] += 1
    bounds = np.cumsum(bounds)
    place = bounds[:-1].copy()
    for k in range(len(symbol)):
        order[place[wave[k]]] = k
        place[wave[k]] += 1
    return bounds
