"""What state columns share: two thresholds a state, and how often it changed of late."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

UInt64 = NDArray[np.uint64]

SWITCHES: Final = 120  # bars in which a state's changes are counted


@njit(cache=True, inline="always")
def next_state(state: int, value: float, enter: float, leave: float) -> int:
    """Return 1 or -1 once a value passes `enter` that way, until it falls below `leave` that way; else 0."""
    if abs(value) > enter:
        return 1 if value > 0.0 else -1
    return state if state * value > leave else 0


@njit(cache=True, inline="always")
def counted_switches(turned: UInt64, i: int, now: bool) -> int:
    """Remember whether the state changed with this bar and return by how much the last SWITCHES bars' sum moves.

    Bit b of the two numbers, the lower one first, says whether it changed b bars ago.
    """
    turned[i, 1] = (turned[i, 1] << np.uint64(1)) | (turned[i, 0] >> np.uint64(63))
    turned[i, 0] = (turned[i, 0] << np.uint64(1)) | np.uint64(now)
    return int(now) - int((turned[i, 1] >> np.uint64(SWITCHES - 64)) & np.uint64(1))


STAY: Final = 0.96  # chance that a hidden state lasts another bar: 25 bars on average
MOVE: Final = 0.02  # chance of either other one


@njit(cache=True, inline="always")
def filtered(one: float, other: float, of_one: float, of_middle: float, of_other: float) -> tuple[float, float]:
    """Return the probabilities of the outer two of three states after what they and the middle one made likely.

    A step of Hamilton's (1989) filter: predict by STAY and MOVE, weigh by the likelihoods, normalise.
    """
    middle = of_middle * (MOVE + (STAY - MOVE) * max(1.0 - one - other, 0.0))
    one = of_one * (MOVE + (STAY - MOVE) * one)
    other = of_other * (MOVE + (STAY - MOVE) * other)
    inverse = 1.0 / (one + middle + other)
    return one * inverse, other * inverse


@njit(cache=True, inline="always")
def likeliest(one: float, other: float) -> int:
    """Return 1, -1 or 0: which of `one`, `other` and the middle state is the likeliest."""
    middle = 1.0 - one - other
    if one > middle and one > other:
        return 1
    return -1 if other > middle and other > one else 0
