"""Event-time horizons: how fast ticks are forgotten, and what a value's age makes of it.

A tick `dt` old weighs exp(-dt / horizon), dt from integer ns. Sums are kept as of their last tick, so a read at a
close never touches them.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from features.event_time import FORGOTTEN
from features.event_time import SECOND as SECOND
from schema.reasons import UNDEFINED_MASK, Why
from schema.ticks import Float64, UInt8

STALE_AFTER: Final = 10  # horizons without an input
CONVERGED_AFTER: Final = 5  # horizons since the first input

WARMING_UP, STALE, EDGE = int(Why.WARMING_UP), int(Why.STALE), int(Why.EDGE)
NO_QUOTES, NO_TRADES, NOT_CONVERGED = int(Why.NO_QUOTES), int(Why.NO_TRADES), int(Why.NOT_CONVERGED)


@njit(cache=True, inline="always")
def kept(dt: int, horizon: int) -> float:
    """Return the weight that `dt` ns leave of a sum."""
    return math.exp(-(dt / horizon)) if dt <= FORGOTTEN * horizon else 0.0


@njit(cache=True, inline="always")
def is_young(horizon: int, since_first: int) -> bool:
    """Whether what came before the first input would still show."""
    return since_first < CONVERGED_AFTER * horizon


@njit(cache=True, inline="always")
def aged(horizon: int, since_first: int, since_last: int) -> int:
    """Return the validity bits of an average by the ns since its first and its last input."""
    if since_last > STALE_AFTER * horizon:
        return STALE
    return NOT_CONVERGED if is_young(horizon, since_first) else 0


@njit(cache=True, inline="always")
def young(horizon: int, since_first: int) -> int:
    """Return the validity bits of a decayed sum, which is right however old, by the ns since its first input."""
    return NOT_CONVERGED if is_young(horizon, since_first) else 0


@njit(cache=True, inline="always")
def variation(count: float, total: float, squares: float) -> float:
    """Return sqrt(count * squares - total^2): the standard deviation, times the count, of weighed values."""
    return math.sqrt(max(count * squares - total * total, 0.0))


@njit(cache=True, inline="always")
def missing(trades: int, quotes: int) -> int:
    """Return the validity bits of what needs both trades and quotes, by how many there were."""
    if quotes == 0:
        return NO_QUOTES
    return NO_TRADES if trades == 0 else 0


@njit(cache=True, inline="always")
def write(out: Float64, why: UInt8, k: int, column: int, value: float, reason: int) -> None:
    """Write a cell: the value, or NaN where the reason says undefined."""
    out[k, column] = np.nan if reason & UNDEFINED_MASK else value
    why[k, column] = reason


@njit(cache=True, inline="always")
def write_share(out: Float64, why: UInt8, k: int, column: int, part: float, whole: float, reason: int) -> None:
    """Write part / whole, which has no value where the whole is 0."""
    if whole == 0.0 and reason & UNDEFINED_MASK == 0:
        reason = EDGE
    write(out, why, k, column, part / whole if whole != 0.0 else 0.0, reason)
