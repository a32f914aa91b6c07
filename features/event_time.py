"""Event-time horizons and what they leave of the past: a tick `dt` old weighs exp(-dt / horizon), dt from integer ns.

Each tick needs six weights, and so do many columns: they are computed once and lie beside the ticks. Both the weight
and what it lacks of 1 are right to their last bits: for short times, most of them, by the series of exp(-x) - 1 up to
x^9, whose next term is below 4e-18 of it at x = 1/16; beyond by the mathematics library.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from schema.ticks import Float64, Int32, Int64

SECOND: Final = 1_000_000_000  # ns
NAMES: Final = ("1s", "5s", "30s", "1m", "5m", "15m")
HORIZONS: Final = tuple(seconds * SECOND for seconds in (1, 5, 30, 60, 300, 900))  # ns
NS: Final = np.array(HORIZONS)  # the same for kernels: tuples are slow to index
H: Final = len(HORIZONS)
FORGOTTEN: Final = 50  # horizons: a pause longer than this empties the sums

THIRD, SIXTH, SEVENTH, NINTH = 1 / 3, 1 / 6, 1 / 7, 1 / 9
_HORIZONS = np.array(HORIZONS, np.float64)
_SHORT: Final = 0.0625  # horizons: where the series serves


@njit(cache=True, inline="always")
def weigh(dt: int, keep: Float64, gain: Float64) -> None:
    """Write what `dt` ns leave of a sum over each horizon into `keep` (H,), and 1 less that into `gain` (H,)."""
    for h in range(H):
        x = dt / _HORIZONS[h]
        tail = 1.0 - x * SIXTH * (1.0 - x * SEVENTH * (1.0 - x * 0.125 * (1.0 - x * NINTH)))
        gain[h] = x * (1.0 - x * 0.5 * (1.0 - x * THIRD * (1.0 - x * 0.25 * (1.0 - x * 0.2 * tail))))
        keep[h] = 1.0 - gain[h]
    for h in range(H):
        x = dt / _HORIZONS[h]
        if x <= _SHORT:
            break
        if x < 1.0:
            gain[h] = -math.expm1(-x)
            keep[h] = 1.0 - gain[h]
        else:
            keep[h] = math.exp(-x) if x <= FORGOTTEN else 0.0
            gain[h] = 1.0 - keep[h]


@njit(cache=True)
def _decay(last: Int64, symbol: Int32, kind: NDArray[np.uint8], time: Int64, keep: Float64, gain: Float64) -> None:
    for k in range(len(time)):
        i, j = symbol[k], kind[k]
        weigh(time[k] - last[i, j], keep[k], gain[k])
        last[i, j] = time[k]


def decays(last: Int64, symbol: Int32, kind: NDArray[np.uint8], time: Int64) -> tuple[Float64, Float64]:
    """Return the weights (n, H) that remain at each tick of what was at the symbol's previous tick of the same kind.

    The second array holds 1 less them. `last` (S, 2) are the ns of that tick, 0 before the first; it is brought up to
    date. A pause of more than FORGOTTEN horizons leaves nothing.
    """
    keep, gain = np.empty((len(time), H)), np.empty((len(time), H))
    _decay(last, symbol, kind, time, keep, gain)
    return keep, gain
