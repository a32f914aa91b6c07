"""The quote that stands, and its averages over time: spread, depth imbalance, microprice, locked and crossed share.

A quote weighs by how long it stood, decayed by how long ago. An unusable one ends the one before and adds nothing.

Seed:   averages begin with the first usable quote.
Edges:  a quote of sizes 0 and 0 is balanced; NO_QUOTES while the last quote is unusable; averages are STALE ten
        horizons after the last usable quote ended; a pause of more than 50 horizons forgets what was before it.
Cost:   O(horizons) a quote, 33 numbers a symbol.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.event_time import HORIZONS, NAMES, NS, SECOND, H, weigh
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import write, write_share
from schema.ticks import QUOTE, Float64, Int64, UInt8

SPREAD, IMBALANCE, LOCKED, MICROPRICE = 0, 1, 2, 3  # what a quote shows; all but the microprice are averaged
AVERAGED, WEIGHT = 3, 3
SEEN, USABLE, BEGUN, LAST, ENDED = range(5)  # of the clock


class Params(NamedTuple):
    horizons: tuple[int, ...]  # ns


class State(NamedTuple):
    clock: Int64  # (S, 5) quotes, usable ones among them; ns of the first usable quote, of the last quote, and of when
    # the last usable one ended, -1 while it stands
    now: Float64  # (S, 4) what the last usable quote shows
    total: Float64  # (S, 4, H) decayed integral over time of each averaged value, and decayed time with a usable quote


def init(n_symbols: int, n_timeframes: int) -> State:
    clock, now, total = np.zeros((n_symbols, 5), np.int64), np.zeros((n_symbols, 4)), np.zeros((n_symbols, 4, H))
    return State(clock, now, total)


@njit(cache=True, inline="always")
def show(now: Float64, i: int, bid: float, bid_size: float, ask: float, ask_size: float) -> None:
    """Write what a usable quote shows."""
    depth = bid_size + ask_size
    spread = 1e4 * ((ask - bid) / (0.5 * (bid + ask)))
    imbalance = (bid_size - ask_size) / depth if depth > 0.0 else 0.0
    now[i, SPREAD], now[i, IMBALANCE], now[i, LOCKED] = spread, imbalance, 1.0 if ask <= bid else 0.0
    now[i, MICROPRICE] = 0.5 * spread * imbalance


@njit(cache=True, inline="always")
def integrate(total: Float64, now: Float64, i: int, stands: bool, keep: Float64, gain: Float64, t: int) -> None:
    """Account for the time that the last quote stood."""
    spread, imbalance, locked = now[i, SPREAD], now[i, IMBALANCE], now[i, LOCKED]
    for h in range(H):
        kept, gained = keep[t, h], gain[t, h] if stands else 0.0
        total[i, SPREAD, h] = kept * total[i, SPREAD, h] + gained * spread
        total[i, IMBALANCE, h] = kept * total[i, IMBALANCE, h] + gained * imbalance
        total[i, LOCKED, h] = kept * total[i, LOCKED, h] + gained * locked
        total[i, WEIGHT, h] = kept * total[i, WEIGHT, h] + gained


@njit(cache=True, inline="always")
def follow(clock: Int64, i: int, time: int, stands: bool, usable: bool) -> None:
    """Count a quote, behind one that stands or not."""
    clock[i, SEEN] += 1
    clock[i, LAST] = time
    if usable:
        clock[i, BEGUN] = time if clock[i, USABLE] == 0 else clock[i, BEGUN]
        clock[i, USABLE] += 1
        clock[i, ENDED] = -1
    elif stands:
        clock[i, ENDED] = time


@njit(cache=True)
def read(
    params: Params, state: State, i: int, time: int, keep: Float64, gain: Float64, out: Float64, why: UInt8, k: int
) -> None:
    """Write the row of a close at `time`, as if the quote ended then; the state stays as it is."""
    clock, now = state.clock[i], state.now[i]
    stands = clock[USABLE] > 0 and clock[ENDED] < 0
    reason = horizons.NO_QUOTES if clock[SEEN] == 0 else horizons.WARMING_UP if clock[USABLE] == 0 else 0
    last = horizons.NO_QUOTES if reason == 0 and not stands else reason
    weigh(time - clock[LAST], keep, gain)
    write(out, why, k, 0, now[MICROPRICE], last)
    for v in range(AVERAGED):
        write(out, why, k, 1 + v * (H + 1), now[v], last)
    for h in range(H):
        unseen, gained = 0 if stands else time - clock[ENDED], gain[h] if stands else 0.0
        age = horizons.aged(NS[h], time - clock[BEGUN], unseen) if reason == 0 else reason
        weight = keep[h] * state.total[i, WEIGHT, h] + gained
        for v in range(AVERAGED):
            column = 2 + v * (H + 1) + h
            if stands and weight == 0.0:  # the first quote, this very moment
                write(out, why, k, column, now[v], age)
            else:
                write_share(out, why, k, column, keep[h] * state.total[i, v, h] + gained * now[v], weight, age)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    clock, now, total = state.clock, state.now, state.total
    t, n_closes, keep, gain = 0, len(closes.position), np.empty(H), np.empty(H)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            if ticks.kind[t] == QUOTE:
                i, bid, ask, usable = ticks.symbol[t], ticks.bid[t], ticks.ask[t], not np.isnan(ticks.bid[t])
                stands = clock[i, USABLE] > 0 and clock[i, ENDED] < 0
                integrate(total, now, i, stands, ticks.keep, ticks.gain, t)
                follow(clock, i, ticks.time[t], stands, usable)
                if usable:
                    show(now, i, bid, ticks.bid_size[t], ask, ticks.ask_size[t])
            t += 1
        if k < n_closes:
            read(params, state, closes.symbol[k], closes.time[k], keep, gain, out, why, k)


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


register(Group("quotes", Family.MICROSTRUCTURE, Stage.TICKS, tuple(_columns()), Params(HORIZONS), init, update, 2))
