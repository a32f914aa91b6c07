"""How large trades are and which side they come from: signed volume, imbalance, turnover, large trades.

Trades weigh by exp(-age / horizon); the sums stand as of the last trade, whose age cancels in the ratios.

Seed:   the first trade (variation of sizes: the second).
Edges:  EDGE where all the volume is 0; a trade of unknown side is volume without a sign; STALE ten horizons after
        the last trade, while turnover goes to 0; a pause of more than 50 horizons forgets what was before it. The
        first trade is not large. A bar without volume: EDGE.
Cost:   O(horizons + timeframes) a trade, 45 numbers a symbol and 2 a series.
Source: Lee and Ready (1991) for the side where the feed gives none.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.event_time import HORIZONS, NAMES, NS, SECOND, H, weigh
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import variation, write, write_share
from schema.ticks import TRADE, Float64, Int64, UInt8

VOLUME, SIGNED, COUNT, BALANCE, NOTIONAL, SQUARES, LARGE = range(7)
SEEN, FIRST, LAST = range(3)  # of the clock
TWICE = 2.0 * (1.0 + 1e-9)  # the mean: a size so much above it is large, and rounding does not decide


class Params(NamedTuple):
    horizons: tuple[int, ...]  # ns


class State(NamedTuple):
    clock: Int64  # (S, 3) trades, ns of the first and the last
    sums: Float64  # (S, 7, H) decayed volume, signed volume, number, that signed, notional, squared and large sizes
    bar: Float64  # (series, 2) volume of the open bar, and the same signed


def init(n_symbols: int, n_timeframes: int) -> State:
    clock, sums = np.zeros((n_symbols, 3), np.int64), np.zeros((n_symbols, 7, H))
    return State(clock, sums, np.zeros((n_symbols * n_timeframes, 2)))


@njit(cache=True, inline="always")
def apply(sums: Float64, i: int, price: float, size: float, side: int, weights: Float64, t: int) -> None:
    notional, squared, signed = price * size, size * size, side * size
    for h in range(H):
        keep = weights[t, h]
        volume, count = keep * sums[i, VOLUME, h], keep * sums[i, COUNT, h]
        large = size if size * count > TWICE * volume else 0.0
        sums[i, VOLUME, h] = volume + size
        sums[i, COUNT, h] = count + 1.0
        sums[i, SIGNED, h] = keep * sums[i, SIGNED, h] + signed
        sums[i, BALANCE, h] = keep * sums[i, BALANCE, h] + side
        sums[i, NOTIONAL, h] = keep * sums[i, NOTIONAL, h] + notional
        sums[i, SQUARES, h] = keep * sums[i, SQUARES, h] + squared
        sums[i, LARGE, h] = keep * sums[i, LARGE, h] + large


@njit(cache=True, inline="always")
def count_in(clock: Int64, bar: Float64, i: int, time: int, size: float, side: int) -> None:
    """Add a trade to the open bars and to what is known of the symbol."""
    n_timeframes = len(bar) // len(clock)
    for j in range(i * n_timeframes, (i + 1) * n_timeframes):
        bar[j, VOLUME] += size
        bar[j, SIGNED] += side * size
    clock[i, FIRST] = time if clock[i, SEEN] == 0 else clock[i, FIRST]
    clock[i, SEEN] += 1
    clock[i, LAST] = time


@njit(cache=True)
def read(
    params: Params, state: State, i: int, time: int, keep: Float64, gain: Float64, out: Float64, why: UInt8, k: int
) -> None:
    weigh(time - state.clock[i, LAST], keep, gain)
    absent = horizons.NO_TRADES if state.clock[i, SEEN] == 0 else 0
    for h in range(H):
        horizon, since = NS[h], time - state.clock[i, FIRST]
        reason = absent if absent else horizons.aged(horizon, since, time - state.clock[i, LAST])
        volume, count = state.sums[i, VOLUME, h], state.sums[i, COUNT, h]
        spread = variation(count, volume, state.sums[i, SQUARES, h])
        turnover = keep[h] * state.sums[i, NOTIONAL, h] * (SECOND / horizon)
        write_share(out, why, k, h, state.sums[i, SIGNED, h], volume, reason)
        write_share(out, why, k, H + h, state.sums[i, BALANCE, h], count, reason)
        write_share(out, why, k, 2 * H + h, volume, count, reason)
        write_share(
            out, why, k, 3 * H + h, spread, volume, horizons.WARMING_UP if state.clock[i, SEEN] == 1 else reason
        )
        write_share(out, why, k, 4 * H + h, state.sums[i, LARGE, h], volume, reason)
        write(out, why, k, 5 * H + h, turnover, absent if absent else horizons.young(horizon, since))


@njit(cache=True)
def close(state: State, i: int, timeframe: int, out: Float64, why: UInt8, k: int) -> None:
    """Write the bar's column and begin the next bar."""
    j = i * (len(state.bar) // len(state.clock)) + timeframe
    reason = horizons.NO_TRADES if state.clock[i, SEEN] == 0 else 0
    write_share(out, why, k, 6 * H, state.bar[j, SIGNED], state.bar[j, VOLUME], reason)
    state.bar[j, VOLUME], state.bar[j, SIGNED] = 0.0, 0.0


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    clock, sums, bar = state.clock, state.sums, state.bar
    t, n_closes, keep, gain = 0, len(closes.position), np.empty(H), np.empty(H)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            if ticks.kind[t] == TRADE:
                i, size, side = ticks.symbol[t], ticks.size[t], ticks.side[t]
                apply(sums, i, ticks.price[t], size, side, ticks.keep, t)
                count_in(clock, bar, i, ticks.time[t], size, side)
            t += 1
        if k < n_closes:
            read(params, state, closes.symbol[k], closes.time[k], keep, gain, out, why, k)
            close(state, closes.symbol[k], closes.timeframe[k], out, why, k)


_column = partial(Column, driver=Driver.TRADE, window=0, oracle="naive, in long double")
_STALE = "no volume: undefined; STALE 10 horizons after the last trade"
_FAMILIES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("signed_volume_share", "sum of side * size / sum of size, weight exp(-age / {0})", "Lee and Ready (1991)",
     {"inputs": ("size", "side"), "unit": "ratio", "range": (-1.0, 1.0), "edges": _STALE}),
    ("trade_imbalance", "sum of side / number of trades, weight exp(-age / {0})", "Chordia, Roll, Subrahmanyam (2002)",
     {"inputs": ("side",), "unit": "ratio", "range": (-1.0, 1.0), "edges": "STALE 10 horizons after the last trade"}),
    ("trade_size_mean", "mean trade size, weight exp(-age / {0})", "O'Hara (1995)",
     {"inputs": ("size",), "unit": "size", "degree_size": 1, "edges": "STALE 10 horizons after the last trade"}),
    ("trade_size_cv", "standard deviation / mean of trade sizes, weight exp(-age / {0})", "Easley and O'Hara (1987)",
     {"inputs": ("size",), "unit": "ratio", "edges": _STALE, "warm_up": 2}),
    ("large_trade_share", "share in the volume of trades larger than twice the mean size (1e-9 more) before them, both "
     "weighed by exp(-age / {0})", "Barclay and Warner (1993)",
     {"inputs": ("size",), "unit": "ratio", "range": (0.0, 1.0), "edges": _STALE}),
    ("turnover", "sum of price * size * exp(-age / {0}) / {0}", "Chordia, Roll and Subrahmanyam (2001)",
     {"inputs": ("price", "size"), "unit": "quote currency / second", "degree_price": 1, "degree_size": 1,
      "edges": "0 after 50 horizons without a trade"}),
)  # fmt: skip
_COLUMNS = tuple(
    _column(
        name=f"{name}_{horizon_name}", formula=formula.format(horizon_name), source=source,
        params={"horizon_seconds": horizon / SECOND}, **{"warm_up": 1, "range": (0.0, math.inf), **row},
    )
    for name, formula, source, row in _FAMILIES
    for horizon_name, horizon in zip(NAMES, HORIZONS)
)  # fmt: skip
_BAR = _column(
    name="bar_signed_volume_share",
    formula="sum of side * size / sum of size over the bar's trades",
    source="Lee and Ready (1991)",
    inputs=("size", "side"),
    warm_up=1,
    unit="ratio",
    range=(-1.0, 1.0),
    edges="bar without volume: undefined",
)
register(
    Group("trades", Family.MICROSTRUCTURE, Stage.TICKS, (*_COLUMNS, _BAR), Params(HORIZONS), init, update, version=2)
)
