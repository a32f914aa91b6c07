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
from features.event_time import HORIZONS, NAMES, NS, SECOND, H, weigh
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import variation, write, write_share
from schema.ticks import QUOTE, TRADE, Float64, Int64, UInt8

SEEN, FIRST, LAST = 0, 2, 4  # of the clock, each for trades and quotes
COUNT, SUM, SQUARES = range(3)
_STALE_AFTER = horizons.STALE_AFTER * np.array(HORIZONS)  # ns


class Params(NamedTuple):
    horizons: tuple[int, ...]  # ns


class State(NamedTuple):
    clock: Int64  # (S, 6) trades and quotes, ns of the first and of the last, each of trades and quotes
    arrivals: Float64  # (S, 2, H) decayed number of them
    waits: Float64  # (S, 3, H) decayed number of waits between trades, their sum in seconds, and that of their squares


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(np.zeros((n_symbols, 6), np.int64), np.zeros((n_symbols, 2, H)), np.zeros((n_symbols, 3, H)))


@njit(cache=True, inline="always")
def count_in(clock: Int64, arrivals: Float64, i: int, kind: int, time: int, keep: Float64, t: int) -> None:
    clock[i, FIRST + kind] = time if clock[i, SEEN + kind] == 0 else clock[i, FIRST + kind]
    clock[i, SEEN + kind] += 1
    clock[i, LAST + kind] = time
    for h in range(H):
        arrivals[i, kind, h] = keep[t, h] * arrivals[i, kind, h] + 1.0


@njit(cache=True, inline="always")
def wait(waits: Float64, i: int, dt: int, keep: Float64, t: int) -> None:
    waited = 1e-9 * dt
    squared = waited * waited
    for h in range(H):
        counts = 1.0 if dt <= _STALE_AFTER[h] else 0.0
        waits[i, COUNT, h] = keep[t, h] * waits[i, COUNT, h] + counts
        waits[i, SUM, h] = keep[t, h] * waits[i, SUM, h] + counts * waited
        waits[i, SQUARES, h] = keep[t, h] * waits[i, SQUARES, h] + counts * squared


@njit(cache=True)
def read_rates(
    params: Params, state: State, i: int, time: int, keep: Float64, gain: Float64, out: Float64, why: UInt8, k: int
) -> None:
    for kind in range(2):
        weigh(time - state.clock[i, LAST + kind], keep, gain)
        absent = horizons.NO_TRADES if kind == TRADE else horizons.NO_QUOTES
        for h in range(H):
            reason = horizons.young(NS[h], time - state.clock[i, FIRST + kind])
            rate = keep[h] * state.arrivals[i, kind, h] * (SECOND / NS[h])
            write(out, why, k, kind * H + h, rate, reason if state.clock[i, SEEN + kind] else absent)


@njit(cache=True)
def read(params: Params, state: State, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    """Write the columns behind the rates."""
    trades, missing = (
        state.clock[i, SEEN + TRADE],
        horizons.missing(state.clock[i, SEEN + TRADE], state.clock[i, SEEN + QUOTE]),
    )
    for h in range(H):
        aged = horizons.aged(NS[h], time - state.clock[i, FIRST + TRADE], time - state.clock[i, LAST + TRADE])
        quotes, rate = out[k, QUOTE * H + h], out[k, TRADE * H + h]
        write_share(out, why, k, 2 * H + h, quotes, rate, missing if missing != 0 else aged)
        count, total, squares = state.waits[i, COUNT, h], state.waits[i, SUM, h], state.waits[i, SQUARES, h]
        absent = horizons.WARMING_UP if trades > 0 else horizons.NO_TRADES
        write_share(out, why, k, 3 * H + h, total, count, aged if trades > 1 else absent)
        write_share(out, why, k, 4 * H + h, variation(count, total, squares), total, aged if trades > 2 else absent)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    clock, arrivals, waits = state.clock, state.arrivals, state.waits
    t, n_closes, keep, gain = 0, len(closes.position), np.empty(H), np.empty(H)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            i, time = ticks.symbol[t], ticks.time[t]
            if ticks.kind[t] == TRADE:
                if clock[i, SEEN + TRADE] > 0:
                    wait(waits, i, time - clock[i, LAST + TRADE], ticks.keep, t)
                count_in(clock, arrivals, i, TRADE, time, ticks.keep, t)
            else:
                count_in(clock, arrivals, i, QUOTE, time, ticks.keep, t)
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
