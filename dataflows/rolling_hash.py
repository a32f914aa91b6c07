"""A running hash a series and UTC day whose state is two words, so that a checkpoint can hold it.

128 bits, mixed as MurmurHash3 x64 does (Appleby, public domain). It proves equality against accident, not against
an adversary; hashlib's objects would be stronger but can't be saved.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

DAY: Final = 86_400 * 1_000_000_000

CHAIN: Final = np.dtype([("day", "i8"), ("rows", "i8"), ("low", "u8"), ("high", "u8")])
SEGMENT: Final = np.dtype([("series", "i8"), *CHAIN.descr])

_C1, _C2 = np.uint64(0x87C37B91114253D5), np.uint64(0x4CF5AD432745937F)
_A1, _A2, _FIVE = np.uint64(0x52DCE729), np.uint64(0x38495AB5), np.uint64(5)
_NAN = np.uint64(0x7FF8000000000000)


@njit(inline="always")
def _rotated(word: np.uint64, bits: int) -> np.uint64:
    return (word << np.uint64(bits)) | (word >> np.uint64(64 - bits))


@njit(cache=True)
def _fold(chain: Any, word: np.uint64) -> None:
    low, high = chain.low, chain.high
    low ^= _rotated(word * _C1, 31) * _C2
    low = (_rotated(low, 27) + high) * _FIVE + _A1
    high ^= _rotated(word * _C2, 33) * _C1
    high = (_rotated(high, 31) + low) * _FIVE + _A2
    chain.low, chain.high = low, high


@njit(cache=True)
def extend(
    chains: NDArray[np.void], series: NDArray[np.int64], time: NDArray[np.int64], values: NDArray[np.float64],
    words: NDArray[np.uint64], ended: NDArray[np.void],
) -> int:  # fmt: skip
    """Fold rows into their series' chains, in order.

    `values` (n, F) are hashed by their bits, every NaN as one; `words` (n, W) as they are. A row belongs to the day
    that holds the last instant before its time. Chains whose day is over go to `ended`; returns how many.
    """
    n_ended = 0
    for k in range(len(series)):
        chain = chains[series[k]]
        day = (time[k] - 1) // DAY
        if chain.day != day:
            if chain.rows > 0:
                out = ended[n_ended]
                out.series, out.day, out.rows, out.low, out.high = (
                    series[k], chain.day, chain.rows, chain.low, chain.high,
                )  # fmt: skip
                n_ended += 1
            chain.day, chain.rows, chain.low, chain.high = day, 0, np.uint64(0), np.uint64(0)
        chain.rows += 1
        _fold(chain, np.uint64(time[k]))
        bits = values[k].view(np.uint64)
        for c in range(values.shape[1]):
            _fold(chain, _NAN if np.isnan(values[k, c]) else bits[c])
        for c in range(words.shape[1]):
            _fold(chain, words[k, c])
    return n_ended
