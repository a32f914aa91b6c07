"""How scores of items are forgotten: decayed weight, mean and squared deviations, each kind and horizon apart.

An item `dt` old weighs exp(-dt / horizon). Mean and deviations move by West's update, so equal scores have no
deviation at all, and no small difference of large sums is ever taken.
"""

from __future__ import annotations

import math
from typing import Final

from numba import njit

from features.event_time import SECOND
from features.microstructure.horizons import CONVERGED_AFTER, STALE_AFTER
from schema.items import KINDS
from schema.reasons import Why
from schema.ticks import Float64

MINUTE: Final = 60 * SECOND
HORIZONS: Final = (5 * MINUTE, 15 * MINUTE, 60 * MINUTE)  # ns
NAMES: Final = ("5m", "15m", "1h")
N_KINDS: Final = len(KINDS)
LONG: Final = len(HORIZONS) - 1  # the one that momenta, shares and surprises are taken over
WEIGHT, MEAN, SQUARES = 0, 1, 2

EDGE, STALE, NO_FEED = int(Why.EDGE), int(Why.STALE), int(Why.NO_FEED)
WARMING_UP, NOT_CONVERGED = int(Why.WARMING_UP), int(Why.NOT_CONVERGED)


@njit(cache=True, inline="always")
def take(held: Float64, keep: float, score: float) -> None:
    """Add an item to (weight, mean, squares) of which `keep` is left."""
    if keep == 0.0:
        held[WEIGHT], held[MEAN], held[SQUARES] = 1.0, score, 0.0
        return
    left = keep * held[WEIGHT]
    apart = score - held[MEAN]
    held[SQUARES] = keep * held[SQUARES] + apart * apart * (left / (left + 1.0))
    held[WEIGHT] = left + 1.0
    held[MEAN] += apart / (left + 1.0)


@njit(cache=True, inline="always")
def deviation(held: Float64) -> float:
    """Return the weighted standard deviation of the items held."""
    return math.sqrt(held[SQUARES] / held[WEIGHT])


@njit(cache=True, inline="always")
def standing(feed: int, seen: int, least: int) -> int:
    """Return the validity bits of what needs `least` items of a kind."""
    if feed == 0:
        return NO_FEED
    return WARMING_UP if seen < least else 0


@njit(cache=True, inline="always")
def aged(reason: int, horizon: int, since_first: int, since_last: int) -> int:
    """Return the validity bits of an average: nothing new for ten horizons is stale, five from the first settle it."""
    if reason != 0:
        return reason
    if since_last > STALE_AFTER * horizon:
        return STALE
    return NOT_CONVERGED if since_first < CONVERGED_AFTER * horizon else 0
