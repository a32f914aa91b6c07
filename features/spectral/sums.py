"""Sums, largest values and logarithms of short arrays, written so that the compiler can vectorise them.

Four partial sums each, whose order is fixed: a sum of one chain waits four cycles an addition. The logarithm
takes the exponent from the bits and log m = 2 artanh((m - 1) / (m + 1)) by its series, m in sqrt(1/2) .. sqrt 2, to a
few units in the last place: `math.log` is a call a number, 6 to 10 ns.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from schema.ticks import Float64, Int64

ROOT_HALF: Final = int(np.array([0.5**0.5]).view(np.int64)[0])  # its bits
FIELD: Final = 52  # bits of a float below its exponent
LN2: Final = 0.6931471805599453


@njit(cache=True)
def added(x: Float64, first: int, last: int) -> float:
    """Return the sum of x[first : last]."""
    a = b = c = d = 0.0
    first = max(first, 0)
    whole = first + ((last - first) & ~3)
    for k in range(first, whole, 4):
        a += x[k]
        b += x[k + 1]
        c += x[k + 2]
        d += x[k + 3]
    for k in range(max(whole, 0), last):
        a += x[k]
    return (a + b) + (c + d)


@njit(cache=True)
def largest(x: Float64, first: int, last: int) -> float:
    """Return the largest of x[first : last], a multiple of 4 numbers."""
    first = max(first, 0)
    a, b, c, d = x[first], x[first + 1], x[first + 2], x[first + 3]
    for k in range(first + 4, last, 4):
        a = x[k] if x[k] > a else a
        b = x[k + 1] if x[k + 1] > b else b
        c = x[k + 2] if x[k + 2] > c else c
        d = x[k + 3] if x[k + 3] > d else d
    e, f = a if a > b else b, c if c > d else d
    most: float = e if e > f else f
    return most


@njit(cache=True, error_model="numpy")
def logarithms(bits: Int64, exponent: Float64, log: Float64, rest: Int64) -> None:
    """Write the natural logarithms of positive, normal numbers.

    `bits` are those of the numbers, `rest` is `log` seen as bits, `exponent` is room.
    """
    for k in range(len(bits)):
        halvings = (bits[k] - ROOT_HALF) >> FIELD
        rest[k] = bits[k] - (halvings << FIELD)
        exponent[k] = halvings
    for k in range(len(bits)):
        s = (log[k] - 1.0) / (log[k] + 1.0)
        z = s * s
        odd = 1 / 11 + z * (1 / 13 + z * (1 / 15 + z * (1 / 17 + z * (1 / 19 + z * (1 / 21)))))
        odd = z * (1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9 + z * odd))))
        log[k] = exponent[k] * LN2 + (2.0 * s + 2.0 * s * odd)
