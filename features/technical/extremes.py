"""Highest values over five windows at once, in steps that no branch depends on.

The highest of the last 2^k values is the higher of two highest of 2^(k - 1), half a length apart; the highest of any
other window is the higher of two that overlap. A series keeps 63 numbers and needs ten comparisons a bar.
"""

from __future__ import annotations

from typing import Final

from numba import njit

from schema.ticks import Float64

SLOTS: Final = 64
WINDOWS: Final = (9, 20, 26, 52, 55)


@njit(cache=True, inline="always")
def highest(of: Float64, i: int, t: int, value: float) -> tuple[float, float, float, float, float]:
    """Take series i's t-th value (from 0 on), return the highest of the last 9, 20, 26, 52 and 55 values.

    `of` (SLOTS, series) is the state: the highest of 2^k values, of the last 2^k bars, stand in slots 2^k .. 2^(k + 1)
    - 1 (the last value in slot 0). It starts with zeros; a window is right once it has seen its length of values.
    """
    of_2 = max(value, of[0, i])
    of[0, i] = value
    of_4 = max(of_2, of[2 + (t & 1), i])
    of[2 + (t & 1), i] = of_2
    of_8 = max(of_4, of[4 + (t & 3), i])
    of[4 + (t & 3), i] = of_4
    of_9, of_16 = max(of_8, of[8 + ((t - 1) & 7), i]), max(of_8, of[8 + (t & 7), i])
    of[8 + (t & 7), i] = of_8
    of_20, of_26 = max(of_16, of[16 + ((t - 4) & 15), i]), max(of_16, of[16 + ((t - 10) & 15), i])
    of_32 = max(of_16, of[16 + (t & 15), i])
    of[16 + (t & 15), i] = of_16
    of_52, of_55 = max(of_32, of[32 + ((t - 20) & 31), i]), max(of_32, of[32 + ((t - 23) & 31), i])
    of[32 + (t & 31), i] = of_32
    return of_9, of_20, of_26, of_52, of_55
