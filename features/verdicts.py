"""Verdicts that need what came before: outliers, repeated venue numbers, ticks outside every session.

They are passed behind the reorder buffer, where the order no longer depends on arrival.

An outlier is a price further than `bound` (in log price) from the symbol's last accepted trade or mid. Three in a
row that agree among themselves are a new level: the third is accepted, the two before it stay dead letters.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.sessions import Sessions
from schema.ticks import NO_SEQUENCE, QUOTE, TRADE, Float64, Int64, Ticks

ACCEPT, OUTLIER, DUPLICATE, OUTSIDE_SESSION = 0, 1, 2, 3
SEQUENCES: Final = 64  # venue numbers remembered a symbol and kind
CONFIRMATIONS: Final = 3


class VerdictState(NamedTuple):
    level: Float64  # (S,) last accepted price, NaN before the first
    candidate: Float64  # (S,) a level that waits for confirmation
    agreed: Int64  # (S,) ticks in a row near the candidate
    sequences: Int64  # (S, 2, SEQUENCES) ring of the last venue numbers of trades and of quotes
    seen: Int64  # (S, 2) venue numbers seen


def init(n_symbols: int) -> VerdictState:
    """Return the state of symbols of which nothing was seen."""
    return VerdictState(
        np.full(n_symbols, np.nan),
        np.full(n_symbols, np.nan),
        np.zeros(n_symbols, np.int64),
        np.full((n_symbols, 2, SEQUENCES), NO_SEQUENCE, np.int64),
        np.zeros((n_symbols, 2), np.int64),
    )


def rescale(state: VerdictState, i: int, ratio: float) -> None:
    """Divide the prices that symbol i is compared with by a split's ratio."""
    state.level[i] /= ratio
    state.candidate[i] /= ratio


@njit(cache=True)
def _repeated(state: VerdictState, i: int, kind: int, sequence: int) -> bool:
    if sequence == NO_SEQUENCE:
        return False
    ring = state.sequences[i, kind]
    for known in ring:
        if known == sequence:
            return True
    ring[state.seen[i, kind] % SEQUENCES] = sequence
    state.seen[i, kind] += 1
    return False


@njit(cache=True)
def _near(price: float, level: float, factor: float) -> bool:
    return price <= level * factor and price * factor >= level


@njit(cache=True)
def _far(state: VerdictState, i: int, price: float, factor: float) -> bool:
    """Whether the price is an outlier; moves the symbol's level."""
    level = state.level[i]
    if np.isnan(level) or _near(price, level, factor):
        state.level[i], state.agreed[i] = price, 0
        return False
    near = state.agreed[i] > 0 and _near(price, state.candidate[i], factor)
    state.agreed[i] = state.agreed[i] + 1 if near else 1
    state.candidate[i] = price
    if state.agreed[i] < CONFIRMATIONS:
        return True
    state.level[i], state.agreed[i] = price, 0
    return False


@njit(cache=True)
def judge(
    state: VerdictState, sessions: Sessions, ticks: Ticks, bound: float, max_spread: float, verdict: NDArray[np.uint8]
) -> int:
    """Write a verdict for each ordered tick; return how many are not accepted. `bound` 0 accepts any price."""
    refused, factor = 0, np.exp(bound)
    start, end = 0, 0
    for k in range(len(ticks.ts_event)):
        i, kind, time = ticks.symbol[k], ticks.kind[k], ticks.ts_event[k]
        verdict[k] = ACCEPT
        if time < start or time >= end:
            at = np.searchsorted(sessions.start, time, side="right") - 1
            if at >= 0:
                start, end = sessions.start[at], sessions.end[at]
        price = np.nan
        if kind == TRADE:
            price = ticks.price[k]
        elif kind == QUOTE:
            mid = 0.5 * (ticks.bid[k] + ticks.ask[k])
            if ticks.ask[k] - ticks.bid[k] <= max_spread * mid:
                price = mid
        if time < start or time >= end:
            verdict[k] = OUTSIDE_SESSION
        elif _repeated(state, i, kind, ticks.sequence[k]):
            verdict[k] = DUPLICATE
        elif bound > 0.0 and not np.isnan(price) and _far(state, i, price, factor):
            verdict[k] = OUTLIER
        refused += verdict[k] != ACCEPT
    return refused
