"""Realized spread and price impact: what of a trade's distance from the mid is left a while later, and what the mid
has made up for.

The spread is 2 side (price - later mid) / mid, the impact 2 side (later mid - mid) / mid; they are averaged over trades
with weights exp(-age / horizon). Trades of one bucket of time are held back together and compared with the mid that
stands when the delay has passed since its end: at most 51 (5 s: of 100 ms) or 31 buckets wait, however many trades.

Seed:   the first trade of known side with a usable quote standing, once it appears.
Edges:  trades of unknown side, or without a usable quote, don't count; the later mid is the last usable one. STALE ten
        horizons after the last trade appeared; a pause of more than 50 horizons forgets what was before it.
Cost:   O(1) a tick, 807 numbers a symbol.
Source: Huang and Stoll (1996), Dealer versus auction markets.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.event_time import SECOND
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import write_share
from features.microstructure.pending_trades import (
    ASK,
    BID,
    BUCKETS,
    DELAYS,
    FIRST,
    HORIZONS,
    MEMORY,
    NAMES,
    NEXT,
    NS,
    STANDS,
    WIDTHS,
    D,
    State,
    appeared,
    hold,
    init,
    take_out,
)
from schema.ticks import QUOTE, TRADE, Float64, UInt8


class Params(NamedTuple):
    widths: tuple[int, ...]  # ns
    delays: tuple[int, ...]
    horizons: tuple[int, ...]  # ns


@njit(cache=True)
def read(state: State, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    """Write the row of a close at `time`, with what is due by then; the state stays as it is."""
    missing = horizons.missing(state.clock[i, TRADE], state.clock[i, QUOTE])
    for d in range(D):
        spread, impact, count, last, _ = appeared(state.quote, state.queue, state.slots, state.sums, i, d, time)
        since = time - (last + BUCKETS[d]) * NS[d]
        reason = horizons.aged(MEMORY[d], time - state.clock[i, FIRST], since)
        reason = missing if missing != 0 else horizons.WARMING_UP if last == 0 else reason
        write_share(out, why, k, d, spread, count, reason)
        write_share(out, why, k, D + d, impact, count, reason)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    clock, quote, queue, slots, sums = state.clock, state.quote, state.queue, state.slots, state.sums
    t, n_closes = 0, len(closes.position)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            i, kind, time = ticks.symbol[t], ticks.kind[t], ticks.time[t]
            if time >= clock[i, NEXT]:
                take_out(clock, quote, queue, slots, sums, i, time)
            clock[i, kind] += 1
            if kind == QUOTE:
                quote[i, STANDS] = 0.0 if np.isnan(ticks.bid[t]) else 1.0
                if not np.isnan(ticks.bid[t]):
                    quote[i, BID], quote[i, ASK] = ticks.bid[t], ticks.ask[t]
            elif ticks.side[t] != 0 and quote[i, STANDS] == 1.0:
                clock[i, FIRST] = time if clock[i, FIRST] == 0 else clock[i, FIRST]
                hold(clock, quote, queue, slots, i, time, ticks.price[t], ticks.side[t])
            t += 1
        if k < n_closes:
            read(state, closes.symbol[k], closes.time[k], out, why, k)


def _column(name: str, formula: str, delay: str, width: int, buckets: int, horizon: int) -> Column:
    most = buckets * width / SECOND
    return Column(
        name=f"{name}_{delay}",
        formula=f"mean of 20,000 {formula}, weight exp(-age / {horizon // SECOND} s); later: {delay} to {most:g} s",
        source="Huang and Stoll (1996)",
        inputs=("price", "side", "bid", "ask"),
        driver=Driver.SECOND,
        window=0,
        warm_up=math.ceil(most),
        unit="bps",
        range=(-float("inf"), float("inf")),
        oracle="naive, in long double",
        params={"horizon_seconds": horizon / SECOND, "delay_seconds": most},
        edges="as effective_spread_bps_1m; the later mid is the last usable one",
    )


_COLUMNS = tuple(
    _column(name, formula, *row)
    for name, formula in (
        ("realized_spread_bps", "side (price - later mid) / mid"),
        ("price_impact_bps", "side (later mid - mid) / mid"),
    )
    for row in zip(NAMES, WIDTHS, DELAYS, HORIZONS)
)
_PARAMS = Params(WIDTHS, DELAYS, HORIZONS)
register(Group("realized_spread", Family.MICROSTRUCTURE, Stage.TICKS, _COLUMNS, _PARAMS, init, update, version=2))
