"""What recursive averages share: how long their seed matters, and when what they remember has died away."""

from __future__ import annotations

from typing import Final

from numba import njit

from schema.reasons import Why

NEGLIGIBLE: Final = 1e-30  # of the price: a remembered move below it is none any more
SEED_WEIGHT: Final = 1e-9  # a recursion has converged when its seed weighs less

WARMING_UP: Final = int(Why.WARMING_UP)
NOT_CONVERGED: Final = int(Why.NOT_CONVERGED)


def burn_in(keep: float, stages: int = 1) -> int:
    """Return the steps until a seed weighs less than SEED_WEIGHT.

    `keep` is the share of the old value that a step keeps; `stages` such averages stand in a row.
    """
    steps, weight = 0, 1.0
    while weight > SEED_WEIGHT:
        steps += 1
        weight = keep**steps * (1.0 + steps * (1.0 - keep)) ** (stages - 1)
    return steps


@njit(cache=True, inline="always")
def standing(n: int, warm_up: int, converged: int) -> int:
    """Return the validity bits of the n-th value of a recursion."""
    if n >= converged:
        return 0
    return NOT_CONVERGED if n >= warm_up else WARMING_UP


@njit(cache=True, inline="always")
def settled(value: float, beside: float) -> float:
    """Return the value, or 0 where it is negligible beside a price (or another value that it is compared with).

    Without it an average of moves would never reach 0 in a flat series, only the denormal numbers.
    """
    return value if abs(value) > NEGLIGIBLE * beside else 0.0
