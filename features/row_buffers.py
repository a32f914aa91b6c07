"""Memory of feature rows, used again as soon as nobody looks at it any more.

A batch of 2,500 rows of 600 columns takes 14 MB: asking the system for them anew each time costs more than a
microsecond a row in page faults, a third of what all kernels cost.
"""

from __future__ import annotations

import sys
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schema.features import FeatureRows
from schema.reasons import UNDEFINED_MASK
from schema.ticks import Float64

NOT_WRITTEN: Final = UNDEFINED_MASK  # `why` of a cell that no kernel has written yet
SPARE: Final = 2  # numba would compile a kernel again for the contiguous slice of a shorter matrix
_MOST_HELD: Final = 4
_UNSEEN: Final = 3  # references to a matrix that only the pool knows: its pair, the loop, getrefcount


class RowBuffers:
    """Hand out rows of `width` columns, all NaN and NOT_WRITTEN.

    Rows stay valid as long as anyone holds them or a view of them: memory is taken back when the last reference is
    gone, which CPython's reference counts tell.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self._held: list[tuple[Float64, NDArray[np.uint8]]] = []

    def take(self, n: int) -> FeatureRows:
        """Return n fresh rows."""
        values, why = self._free(n + SPARE) or self._more(n + SPARE)
        values[: n + SPARE].fill(np.nan)
        why[: n + SPARE].fill(NOT_WRITTEN)
        return FeatureRows(values[:n], why[:n])

    def _free(self, needed: int) -> tuple[Float64, NDArray[np.uint8]] | None:
        for pair in self._held:
            values, why = pair
            if len(values) >= needed and sys.getrefcount(values) == _UNSEEN and sys.getrefcount(why) == _UNSEEN:
                return pair
        return None

    def _more(self, needed: int) -> tuple[Float64, NDArray[np.uint8]]:
        shape = (1 << (needed - 1).bit_length(), self.width)
        pair = np.empty(shape), np.empty(shape, np.uint8)
        self._held = [*self._held[-_MOST_HELD + 1 :], pair]
        return pair


def with_spare_rows(rows: FeatureRows) -> tuple[Float64, NDArray[np.uint8]]:
    """Return the rows as matrices with SPARE rows more: the memory itself where `take` handed them out."""
    values, why, needed = rows.values.base, rows.why.base, len(rows.values) + SPARE
    if values is not None and why is not None and len(values) == len(why) >= needed:
        return values[:needed], why[:needed]
    return np.pad(rows.values, ((0, SPARE), (0, 0))), np.pad(rows.why, ((0, SPARE), (0, 0)))


def take_back(rows: FeatureRows, values: Float64, why: NDArray[np.uint8]) -> None:
    """Copy what kernels wrote into the rows, unless they wrote into them."""
    if values.base is None or values.base is not rows.values.base:
        rows.values[...], rows.why[...] = values[: len(rows.values)], why[: len(rows.why)]
