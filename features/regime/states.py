"""What state columns share: two thresholds a state, and how often it changed of late."""

from __future__ import annotations

from typing import Final

from numba import njit

from schema.ticks import UInt8

SWITCHES: Final = 120  # bars in which a state's changes are counted
TURNS: Final = 128  # slots that remember them, a power of two


@njit(cache=True, inline="always")
def next_state(state: int, value: float, enter: float, leave: float) -> int:
    """Return 1 or -1 once a value passes `enter` that way, until it falls below `leave` that way; else 0."""
    if abs(value) > enter:
        return 1 if value > 0.0 else -1
    return state if state * value > leave else 0


@njit(cache=True, inline="always")
def counted_switches(turned: UInt8, n: int, now: bool) -> int:
    """Remember whether the state changed with the n-th bar and return by how much the last SWITCHES bars' sum moves."""
    left = int(turned[(n - SWITCHES) & (TURNS - 1)])
    turned[n & (TURNS - 1)] = now
    return int(now) - left
