"""A running hash a series and UTC day whose state is two words, so that a checkpoint can hold it.

128 bits, mixed as MurmurHash3 x64 does (Appleby, public domain); the cells of a row are brought down to four words
first, since a chain of multiplications waits for each one: 900 cells take less than half the time. It proves equality
against accident, not against an adversary; hashlib's objects would be stronger but can't be saved.
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


@njit(inline="always")
def _mixed(lane: np.uint64, word: np.uint64) -> np.uint64:
    return _rotated(lane ^ word, 29) * _C1


@njit(inline="always")
def _bits(values: NDArray[np.float64], bits: NDArray[np.uint64], k: int, c: int) -> np.uint64:
    return bits[k, c] if values[k, c] == values[k, c] else _NAN


@njit(cache=True)
def _fold_row(
    chain: Any, k: int, values: NDArray[np.float64], bits: NDArray[np.uint64], words: NDArray[np.uint64]
) -> None:
    """Fold one row: its words run through four lanes side by side, which the chain then takes up.

    A step of a lane can be undone, so two rows that differ in one cell differ in a lane, too.
    """
    a, b, c, d = _C1, _C2, _A1, _A2
    n = values.shape[1]
    for at in range(0, n - 3, 4):
        a, b = _mixed(a, _bits(values, bits, k, at)), _mixed(b, _bits(values, bits, k, at + 1))
        c, d = _mixed(c, _bits(values, bits, k, at + 2)), _mixed(d, _bits(values, bits, k, at + 3))
    for at in range(n - n % 4, n):
        a = _mixed(a, _bits(values, bits, k, at))
    m = words.shape[1]
    for at in range(0, m - 3, 4):
        a, b = _mixed(a, words[k, at]), _mixed(b, words[k, at + 1])
        c, d = _mixed(c, words[k, at + 2]), _mixed(d, words[k, at + 3])
    for at in range(m - m % 4, m):
        a = _mixed(a, words[k, at])
    _fold(chain, a)
    _fold(chain, b)
    _fold(chain, c)
    _fold(chain, d)


@njit(cache=True)
def extend(
    chains: NDArray[np.void], series: NDArray[np.int64], time: NDArray[np.int64], values: NDArray[np.float64],
    words: NDArray[np.uint64], ended: NDArray[np.void],
) -> int:  # fmt: skip
    """Fold rows into their series' chains, in order.

    `values` (n, F) are hashed by their bits, every NaN as one; `words` (n, W) as they are. A row belongs to the day
    that holds the last instant before its time. Chains whose day is over go to `ended`; returns how many.
    """
    n_ended, bits = 0, values.view(np.uint64)
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
        _fold_row(chain, k, values, bits, words)
    return n_ended
