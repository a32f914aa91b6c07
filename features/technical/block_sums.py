"""Sums over a sliding window without subtraction: a huge value leaves no trace once it is out.

Bars are cut into blocks of `window`. A window is the current block so far, and the end of the block before it, whose
sums from each place to its end were taken when it was full. It costs two additions a bar.
"""

from __future__ import annotations

from numba import njit

from schema.ticks import Float64


@njit(cache=True, inline="always")
def windowed(sums: Float64, i: int, slot: int, value: float) -> float:
    """Take series i's value at `slot` = (n - 1) % window and return the sum of its last `window` values.

    `sums` (window + 1, series) is the state: values of this block up to `slot`, sums of the block before from there
    on, and last the sum of this block. It starts with zeros, and the sum then counts what there is.
    """
    window = len(sums) - 1
    so_far: float = sums[window, i] + value if slot > 0 else value
    sums[slot, i], sums[window, i] = value, so_far
    if slot < window - 1:
        so_far += sums[slot + 1, i]
        return so_far
    for place in range(window - 2, -1, -1):
        sums[place, i] += sums[place + 1, i]
    return so_far
