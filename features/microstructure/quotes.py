"""The quote that stands, and its averages over time: spread, depth imbalance, microprice, locked and crossed share.

A quote weighs by how long it stood, decayed by how long ago. An unusable one ends the one before and adds nothing.

Seed:   averages begin with the first usable quote.
Edges:  a quote of sizes 0 and 0 is balanced; NO_QUOTES while the last quote is unusable; averages are STALE ten
        horizons after the last usable quote ended; a pause of more than 50 horizons forgets what was before it.
Cost:   O(1) a quote, 18 numbers a symbol.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.event_time import HORIZONS, NAMES, SECOND
from features.microstructure.horizons import gained, kept, write, write_share
from schema.ticks import QUOTE, Float64, Int64, UInt8

SPREAD, IMBALANCE, LOCKED, MICROPRICE = 0, 1, 2, 3  # what a quote shows; all but the microprice are averaged
AVERAGED = 3
N = len(HORIZONS)


class Params(NamedTuple):
    horizons: tuple[int, ...]  # ns


class State(NamedTuple):
    seen: Int64  # (S,) quotes
    usable: Int64  # (S,) usable ones among them
    begun: Int64  # (S,) ns, the first usable quote
    last: Int64  # (S,) ns, the last quote
    ended: Int64  # (S,) ns, when the last usable quote ended; -1 while it stands
    now: Float64  # (S, 4) what the last usable quote shows
    total: Float64  # (S, horizons, 3) decayed integral of each value over time
    weight: Float64  # (S, horizons) decayed time with a usable quote


def init(n_symbols: int, n_timeframes: int) -> State:
    seen, usable, begun, last, ended = (np.zeros(n_symbols, np.int64) for _ in range(5))
    now, total, weight = (np.zeros((n_symbols, *shape)) for shape in ((4,), (N, AVERAGED), (N,)))
    return State(seen, usable, begun, last, ended, now, total, weight)


@njit(cache=True)
def show(now: Float64, bid: float, bid_size: float, ask: float, ask_size: float) -> None:
    """Write what a usable quote shows."""
    depth = bid_size + ask_size
    now[SPREAD] = 1e4 * ((ask - bid) / (0.5 * (bid + ask)))
    now[IMBALANCE] = (bid_size - ask_size) / depth if depth > 0.0 else 0.0
    now[LOCKED] = 1.0 if ask <= bid else 0.0
    now[MICROPRICE] = 0.5 * now[SPREAD] * now[IMBALANCE]


@njit(cache=True)
def apply(
    params: Params, state: State, i: int, time: int, bid: float, bid_size: float, ask: float, ask_size: float
) -> None:
    """Account for the time that the last quote stood, then let the new one stand."""
    stands = state.usable[i] > 0 and state.ended[i] < 0
    for h in range(N):
        dt = time - state.last[i]
        keep = kept(dt, params.horizons[h])
        gain = gained(dt, params.horizons[h]) if stands else 0.0
        state.weight[i, h] = keep * state.weight[i, h] + gain
        for v in range(AVERAGED):
            state.total[i, h, v] = keep * state.total[i, h, v] + gain * state.now[i, v]
    state.seen[i] += 1
    state.last[i] = time
    if np.isnan(bid):
        state.ended[i] = time if stands else state.ended[i]
        return
    if state.usable[i] == 0:
        state.begun[i] = time
    state.usable[i] += 1
    state.ended[i] = -1
    show(state.now[i], bid, bid_size, ask, ask_size)


@njit(cache=True)
def read(params: Params, state: State, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    """Write the row of a close at `time`, as if the quote ended then; the state stays as it is."""
    stands, now = state.usable[i] > 0 and state.ended[i] < 0, state.now[i]
    reason = horizons.NO_QUOTES if state.seen[i] == 0 else horizons.WARMING_UP if state.usable[i] == 0 else 0
    last = horizons.NO_QUOTES if reason == 0 and not stands else reason
    write(out, why, k, 0, now[MICROPRICE], last)
    for h in range(N):
        horizon, dt = params.horizons[h], time - state.last[i]
        unseen = 0 if stands else time - state.ended[i]
        age = horizons.aged(horizon, time - state.begun[i], unseen) if reason == 0 else reason
        gain = gained(dt, horizon) if stands else 0.0
        weight = kept(dt, horizon) * state.weight[i, h] + gain
        for v in range(AVERAGED):
            column = 1 + v * (N + 1)
            write(out, why, k, column, now[v], last)
            if stands and weight == 0.0:  # the first quote, this very moment
                write(out, why, k, column + 1 + h, now[v], age)
            else:
                total = kept(dt, horizon) * state.total[i, h, v] + gain * now[v]
                write_share(out, why, k, column + 1 + h, total, weight, age)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    t, n_closes = 0, len(closes.position)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            if ticks.kind[t] == QUOTE:
                i, time = ticks.symbol[t], ticks.time[t]
                apply(params, state, i, time, ticks.bid[t], ticks.bid_size[t], ticks.ask[t], ticks.ask_size[t])
            t += 1
        if k < n_closes:
            read(params, state, closes.symbol[k], closes.time[k], out, why, k)


_column = partial(Column, driver=Driver.QUOTE, warm_up=1, oracle="naive, in long double")
_last = partial(_column, window=1, edges="NO_QUOTES while the last quote is unusable")
_mean = partial(_column, window=0, edges="STALE 10 horizons after the last usable quote")
_PRICES, _SIZES = ("bid", "ask"), ("bid_size", "ask_size")
_AVERAGED: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("quoted_spread_bps", "quoted_spread_bps", "10,000 (ask - bid) / mid",
     {"source": "Stoll (2000)", "inputs": _PRICES, "unit": "bps", "range": (-2e4, 2e4)}),
    ("depth_imbalance", "depth_imbalance", "(bid size - ask size) / (bid size + ask size)",
     {"source": "Cao et al. (2009)", "inputs": _SIZES, "unit": "ratio", "range": (-1.0, 1.0)}),
    ("locked_crossed", "locked_crossed_share", "1 where ask <= bid, else 0",
     {"source": "Shkilko et al. (2008)", "inputs": _PRICES, "unit": "ratio", "range": (0.0, 1.0),
      "ties": "ask = bid counts"}),
)  # fmt: skip


def _columns() -> Iterator[Column]:
    formula = "10,000 (microprice - mid) / mid = quoted_spread_bps / 2 * depth_imbalance"
    row: dict[str, Any] = {"inputs": _PRICES + _SIZES, "unit": "bps", "range": (-1e4, 1e4)}
    yield _last("microprice_deviation_bps", formula, "Gatheral and Oomen (2010)", **row)
    for last, mean, formula, row in _AVERAGED:
        yield _last(last, f"{formula}, of the last quote", **row)
        for name, horizon in zip(NAMES, HORIZONS):
            weighed = f"mean over time of {formula}, weight exp(-age / {name})"
            yield _mean(f"{mean}_{name}", weighed, params={"horizon_seconds": horizon / SECOND}, **row)


register(Group("quotes", Family.MICROSTRUCTURE, Stage.TICKS, tuple(_columns()), Params(HORIZONS), init, update))
