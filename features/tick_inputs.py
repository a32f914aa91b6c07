"""What tick kernels read, from ordered ticks: each trade with its aggressor, each quote with a usable mid or none.

The aggressor is the side as given; without one that of Lee and Ready (1991, "Inferring Trade Direction from
Intraday Data") against the quote that stands, with no delay: a trade above the mid was bought, one below it sold,
one at the mid goes by the tick rule. Without a usable quote the tick rule decides: the side of the last change of
the trade price, 0 before the first.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.arrays import as_snapshot, from_snapshot, grown
from features.event_time import decays
from features.inputs import TickInputs
from schema.ticks import TRADE, Float64, Int64, Ticks, count

NONE: Final = 0.0  # no price is 0, so 0 says that there is none
NOISE: Final = 2.0**-50  # of the price: how far decimal prices, as floats, may lie from a mid that they are at


class TickState(NamedTuple):
    bid: Float64  # (S,) the quote that stands, NONE where it has no usable mid
    ask: Float64  # (S,)
    price: Float64  # (S,) last trade price, NONE before the first
    direction: NDArray[np.int8]  # (S,) sign of its last change, 0 before the first
    last: Int64  # (S, 2) ns of the last trade and quote, 0 before the first


def init(n_symbols: int) -> TickState:
    """Return the state of symbols of which nothing was seen."""
    bid, ask, price = (np.zeros(n_symbols) for _ in range(3))
    return TickState(bid, ask, price, np.zeros(n_symbols, np.int8), np.zeros((n_symbols, 2), np.int64))


@njit(cache=True)
def is_usable(bid: float, ask: float, max_spread: float) -> bool:
    """Whether a quote has a usable mid: both sides, not absurdly wide. Locked and crossed quotes have."""
    return bid > 0.0 and ask > 0.0 and ask - bid <= max_spread * (0.5 * (bid + ask))


@njit(cache=True)
def aggressor(state: TickState, i: int, price: float) -> int:
    """Return the side of a trade by the quote that stands, else by the tick rule."""
    if state.bid[i] != NONE:
        above = (price - state.bid[i]) + (price - state.ask[i])  # twice price - mid, exact near the mid
        if abs(above) > NOISE * price:
            return 1 if above > 0.0 else -1
    return int(state.direction[i])


@njit(cache=True)
def _prepare(state: TickState, ticks: Ticks, max_spread: float, bid: Float64, ask: Float64, side: Any) -> None:
    for k in range(len(side)):
        i = ticks.symbol[k]
        if ticks.kind[k] == TRADE:
            price, last = ticks.price[k], state.price[i]
            if last != NONE and price != last:
                state.direction[i] = 1 if price > last else -1
            state.price[i] = price
            side[k] = ticks.side[k] if ticks.side[k] != 0 else aggressor(state, i, price)
            bid[k] = ask[k] = np.nan
        else:
            side[k] = 0
            if is_usable(ticks.bid[k], ticks.ask[k], max_spread):
                state.bid[i], state.ask[i] = ticks.bid[k], ticks.ask[k]
                bid[k], ask[k] = ticks.bid[k], ticks.ask[k]
            else:
                state.bid[i] = state.ask[i] = NONE
                bid[k] = ask[k] = np.nan


class TickPreparer:
    """Turn ordered trades and quotes into what tick kernels read. How they are cut into batches doesn't matter."""

    def __init__(self, max_spread: float = 0.1) -> None:
        """Take quotes wider than `max_spread` of their mid for unusable."""
        self.max_spread = max_spread
        self._state = init(0)

    def grow(self, n_symbols: int) -> None:
        """Make room for symbols 0 .. n_symbols - 1, keeping what is known; less than there is changes nothing."""
        if n_symbols > len(self._state.price):
            self._state = grown(init(n_symbols), self._state)

    def rescale(self, i: int, ratio: float) -> None:
        """Divide what is remembered of symbol i's prices by a split's ratio."""
        for prices in (self._state.bid, self._state.ask, self._state.price):
            prices[i] /= ratio

    def prepare(self, ticks: Ticks) -> TickInputs:
        """Return the ticks as kernels read them; columns that stay as they are are shared, not copied.

        They hold trades and quotes alone, in order of event time, of symbols there is room for.
        """
        n = count(ticks)
        bid, ask, side = np.empty(n), np.empty(n), np.empty(n, np.int8)
        if n and not 0 <= (least := ticks.symbol.min()) <= (most := ticks.symbol.max()) < len(self._state.price):
            raise ValueError(
                f"tick inputs: a tick of symbol {least if least < 0 else most}, expected 0 .. "
                f"{len(self._state.price) - 1}; call grow() when the universe grows"
            )
        _prepare(self._state, ticks, self.max_spread, bid, ask, side)
        keep, gain = decays(self._state.last, ticks.symbol, ticks.kind, ticks.ts_event)
        return TickInputs(
            time=ticks.ts_event,
            symbol=ticks.symbol,
            kind=ticks.kind,
            price=ticks.price,
            size=ticks.size,
            bid=bid,
            bid_size=ticks.bid_size,
            ask=ask,
            ask_size=ticks.ask_size,
            side=side,
            keep=keep,
            gain=gain,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the state by name: live arrays, not copies."""
        return as_snapshot(self._state)

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Continue from a snapshot. Raises ValueError where it holds other arrays."""
        self._state = from_snapshot(self._state, snapshot, "tick inputs")
