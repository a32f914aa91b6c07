"""What the gate checks of a tick, and how it words a refusal."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from dataflows.batch import Arrivals
from dataflows.universe import Universe
from schema.reasons import Dead
from schema.ticks import HEARTBEAT, KINDS, QUOTE, TRADE, Int32, Ticks, UInt8

YEAR_2200: Final = 7_258_118_400_000_000_000  # ns UTC
REASONS: Final = (
    None, Dead.MALFORMED, Dead.UNKNOWN_KIND, Dead.BAD_TIME, Dead.FROM_THE_FUTURE, Dead.BAD_PRICE, Dead.BAD_SIZE,
    Dead.UNKNOWN_SYMBOL,
)  # fmt: skip
_PASS, _KIND, _TIME, _FUTURE, _PRICE, _SIZE, _SYMBOL = 0, 2, 3, 4, 5, 6, 7


@njit(cache=True)
def _is_price(x: float) -> bool:
    return 0.0 < x < np.inf


@njit(cache=True)
def _is_size(x: float) -> bool:
    return 0.0 <= x < np.inf


@njit(cache=True)
def _check_trade(price: float, size: float) -> int:
    if not _is_price(price):
        return _PRICE
    return _PASS if _is_size(size) else _SIZE


@njit(cache=True)
def _check_quote(bid: float, bid_size: float, ask: float, ask_size: float) -> int:
    """A side may be missing (NaN price), not both; a missing side's size may be missing too."""
    no_bid, no_ask = np.isnan(bid), np.isnan(ask)
    if (no_bid and no_ask) or not (no_bid or _is_price(bid)) or not (no_ask or _is_price(ask)):
        return _PRICE
    bid_fits = _is_size(bid_size) or (no_bid and np.isnan(bid_size))
    ask_fits = _is_size(ask_size) or (no_ask and np.isnan(ask_size))
    return _PASS if bid_fits and ask_fits else _SIZE


@njit(cache=True)
def check(ticks: Ticks, ids: Int32, lanes: int, future_bound_ns: int, reason: UInt8, symbol: Int32) -> int:
    """Write each tick's reason (index into REASONS, 0 passes) and symbol id.

    `ids` maps the arrivals' names to ids. Returns how many ticks have an unknown symbol and nothing else wrong, or
    -1 - row for the first row of an impossible lane or name: an error of the source, not of the data.
    """
    strangers = 0
    for k in range(len(reason)):
        name, kind, time = ticks.symbol[k], ticks.kind[k], ticks.ts_event[k]
        if not 0 <= ticks.lane[k] < lanes or name >= len(ids):
            return -1 - k
        symbol[k] = ids[name] if name >= 0 and kind != HEARTBEAT else -1
        received = ticks.ts_recv[k]
        verdict = _PASS
        if kind > HEARTBEAT:
            verdict = _KIND
        elif not 0 < time < YEAR_2200 or not 0 < received < YEAR_2200:
            verdict = _TIME
        elif time - received > future_bound_ns:
            verdict = _FUTURE
        elif kind == TRADE:
            verdict = _check_trade(ticks.price[k], ticks.size[k])
        elif kind == QUOTE:
            verdict = _check_quote(ticks.bid[k], ticks.bid_size[k], ticks.ask[k], ticks.ask_size[k])
        if verdict == _PASS and symbol[k] < 0 and kind != HEARTBEAT:
            verdict = _SYMBOL
            strangers += 1
        reason[k] = verdict
    return strangers


def explain(why: Dead, arrivals: Arrivals, row: int, universe: Universe, future_bound_ns: int) -> tuple[str, str]:
    """Say what was found in a refused tick, and what was expected."""
    ticks = arrivals.ticks
    if why is Dead.MALFORMED:
        return arrivals.malformed[row], "cells that can be read as their column's type"
    if why is Dead.UNKNOWN_KIND:
        found = arrivals.unknown_kinds.get(row, str(ticks.kind[row]))
        return f"kind={found}", "one of " + ", ".join(KINDS)
    if why is Dead.BAD_TIME:
        return f"ts_event={ticks.ts_event[row]}, ts_recv={ticks.ts_recv[row]}", "ns UTC between 1970 and 2200"
    if why is Dead.FROM_THE_FUTURE:
        ahead = int(ticks.ts_event[row]) - int(ticks.ts_recv[row])
        return f"ts_event {ahead} ns ahead of ts_recv", f"at most {future_bound_ns} ns ahead"
    if why is Dead.UNKNOWN_SYMBOL:
        return _stranger(arrivals, row, universe)
    return _numbers(ticks, row), _EXPECTED[why, int(ticks.kind[row])]


_EXPECTED: Final = {
    (Dead.BAD_PRICE, TRADE): "a finite price above 0",
    (Dead.BAD_SIZE, TRADE): "a finite size of at least 0",
    (Dead.BAD_PRICE, QUOTE): "a bid or an ask, each finite and above 0 where it is given",
    (Dead.BAD_SIZE, QUOTE): "a finite size of at least 0 with each side given",
}


def _numbers(ticks: Ticks, row: int) -> str:
    fields = ("price", "size") if ticks.kind[row] == TRADE else ("bid", "bid_size", "ask", "ask_size")
    return ", ".join(f"{field}={float(getattr(ticks, field)[row])!r}" for field in fields)


def _stranger(arrivals: Arrivals, row: int, universe: Universe) -> tuple[str, str]:
    code = int(arrivals.ticks.symbol[row])
    found = f"symbol={arrivals.names[code][:100]!r}" if code >= 0 else "no symbol"
    if not universe.auto:
        return found, f"one of the {len(universe)} configured symbols"
    if universe.full:
        return found, f"one of the {len(universe)} admitted symbols: the universe is full (universe.cap)"
    return found, "a name of 1 to 64 printable characters"
