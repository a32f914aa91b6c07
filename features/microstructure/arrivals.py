"""How often ticks come: trades and quotes a second, quotes a trade, the time between trades and its dispersion.

Rates decay between ticks: sum of exp(-age / horizon) / horizon. Waits are averaged trade by trade, their weights
decayed alike; a wait of more than ten horizons is a pause of trading and no wait.

Seed:   the first trade (mean wait: the second; its variation: the third); the first quote.
Edges:  a rate is 0 after 50 horizons without an input; ratio and waits are STALE ten horizons after the last trade;
        the mean wait is undefined (EDGE) while all waits were pauses, its variation also while all are 0.
Cost:   O(horizons) a tick, 36 numbers a symbol.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.event_time import HORIZONS, NAMES, SECOND, H, weigh
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import variation, write, write_share
from schema.ticks import QUOTE, TRADE, Float64, Int64, UInt8

COUNT, SUM, SQUARES = range(3)


class Params(NamedTuple):
    horizons: tuple[int, ...]  # ns


class State(NamedTuple):
    seen: Int64  # (S, 2) trades and quotes
    first: Int64  # (S, 2) ns
    last: Int64  # (S, 2) ns
    arrivals: Float64  # (S, 2, H) decayed number of them
    waits: Float64  # (S, 3, H) decayed number of waits between trades, their sum in seconds, and that of their squares


def init(n_symbols: int, n_timeframes: int) -> State:
    seen, first, last = (np.zeros((n_symbols, 2), np.int64) for _ in range(3))
    return State(seen, first, last, np.zeros((n_symbols, 2, H)), np.zeros((n_symbols, 3, H)))


@njit(cache=True)
def apply(state: State, i: int, kind: int, time: int, weights: Float64, t: int) -> None:
    for h in range(H):
        state.arrivals[i, kind, h] = weights[t, h] * state.arrivals[i, kind, h] + 1.0
    if state.seen[i, kind] == 0:
        state.first[i, kind] = time
    elif kind == TRADE:
        dt = time - state.last[i, kind]
        wait, squared = 1e-9 * dt, 1e-18 * dt * dt
        for h in range(H):
            keep, counts = weights[t, h], 1.0 if dt <= horizons.STALE_AFTER * HORIZONS[h] else 0.0
            state.waits[i, COUNT, h] = keep * state.waits[i, COUNT, h] + counts
            state.waits[i, SUM, h] = keep * state.waits[i, SUM, h] + counts * wait
            state.waits[i, SQUARES, h] = keep * state.waits[i, SQUARES, h] + counts * squared
    state.seen[i, kind] += 1
    state.last[i, kind] = time


@njit(cache=True)
def read_rates(
    params: Params, state: State, i: int, time: int, keep: Float64, gain: Float64, out: Float64, why: UInt8, k: int
) -> None:
    for kind in range(2):
        weigh(time - state.last[i, kind], keep, gain)
        absent = horizons.NO_TRADES if kind == TRADE else horizons.NO_QUOTES
        for h in range(H):
            reason = horizons.young(params.horizons[h], time - state.first[i, kind])
            rate = keep[h] * state.arrivals[i, kind, h] * (SECOND / params.horizons[h])
            write(out, why, k, kind * H + h, rate, reason if state.seen[i, kind] else absent)


@njit(cache=True)
def read(params: Params, state: State, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    """Write the columns behind the rates."""
    trades, missing = state.seen[i, TRADE], horizons.missing(state.seen[i, TRADE], state.seen[i, QUOTE])
    for h in range(H):
        aged = horizons.aged(params.horizons[h], time - state.first[i, TRADE], time - state.last[i, TRADE])
        quotes, rate = out[k, QUOTE * H + h], out[k, TRADE * H + h]
        write_share(out, why, k, 2 * H + h, quotes, rate, missing if missing else aged)
        count, total, squares = state.waits[i, COUNT, h], state.waits[i, SUM, h], state.waits[i, SQUARES, h]
        absent = horizons.WARMING_UP if trades else horizons.NO_TRADES
        write_share(out, why, k, 3 * H + h, total, count, aged if trades > 1 else absent)
        write_share(out, why, k, 4 * H + h, variation(count, total, squares), total, aged if trades > 2 else absent)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    t, n_closes, keep, gain = 0, len(closes.position), np.empty(H), np.empty(H)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            apply(state, ticks.symbol[t], ticks.kind[t], ticks.time[t], ticks.keep, t)
            t += 1
        if k < n_closes:
            read_rates(params, state, closes.symbol[k], closes.time[k], keep, gain, out, why, k)
            read(params, state, closes.symbol[k], closes.time[k], out, why, k)


_column = partial(Column, window=0, range=(0.0, math.inf), oracle="naive, in long double")
_FAMILIES = (
    ("trade_rate", "sum over trades of exp(-age / {0}) / {0}", "Bowsher (2007), exponential kernel of an intensity",
     ("time",), Driver.TRADE, 1, "trades / second", "0 after 50 horizons without one"),
    ("quote_rate", "sum over quotes of exp(-age / {0}) / {0}", "Bowsher (2007), exponential kernel of an intensity",
     ("time",), Driver.QUOTE, 1, "quotes / second", "0 after 50 horizons without one"),
    ("quote_to_trade_ratio", "quote_rate_{0} / trade_rate_{0}", "Angel, Harris and Spatt (2011)",
     ("price", "bid"), Driver.TRADE, 1, "ratio", "STALE 10 horizons after the last trade"),
    ("inter_trade_time", "mean wait between trades, weight exp(-age of the trade that ended it / {0})",
     "Engle and Russell (1998)", ("time",), Driver.TRADE, 2, "seconds",
     "waits of more than 10 horizons don't count; STALE 10 horizons after the last trade"),
    ("inter_trade_time_cv", "standard deviation / mean of the waits of inter_trade_time_{0}, weighed alike",
     "Engle and Russell (1998): 1 for a Poisson process, more where trades cluster", ("time",), Driver.TRADE, 3,
     "ratio", "as inter_trade_time; EDGE where all waits are 0"),
)  # fmt: skip
_COLUMNS = tuple(
    _column(
        name=f"{name}_{horizon_name}", formula=formula.format(horizon_name), source=source, inputs=inputs,
        driver=driver, warm_up=warm_up, unit=unit, edges=edges, params={"horizon_seconds": horizon / SECOND},
    )
    for name, formula, source, inputs, driver, warm_up, unit, edges in _FAMILIES
    for horizon_name, horizon in zip(NAMES, HORIZONS)
)  # fmt: skip
register(Group("arrivals", Family.MICROSTRUCTURE, Stage.TICKS, _COLUMNS, Params(HORIZONS), init, update, version=2))
