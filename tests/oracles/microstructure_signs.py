"""Runs of trade signs, the tick rule and the trades' mean price, by their formulas."""

from __future__ import annotations

import numpy as np

from features.ties import TIE
from tests.oracles.microstructure import (
    LONG,
    Seen,
    at,
    decayed,
    each_symbol,
    fresh,
    horizon_of,
    ratio,
    small,
)
from tests.oracles.microstructure_trades import named
from tests.oracles.registry import oracle


def share(name: str, seen: Seen, part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return the share of decayed sums of two numbers a trade."""
    time, horizon = seen.trade["time"], horizon_of(name)
    value = ratio(*(decayed(time, each.astype(LONG), seen.trades, horizon) for each in (part, whole)))
    return fresh(value, seen.time - at(time, seen.trades), horizon)


def tick_rule(price: np.ndarray) -> np.ndarray:
    """Return the sign of the last change up to each trade, 0 before the first."""
    moved = np.diff(price, prepend=price[:1])
    sign = np.where(abs(moved) > TIE * price, np.sign(moved), 0).astype(int)
    last = np.maximum.accumulate(np.where(sign != 0, np.arange(len(sign)), 0))
    return sign[last]


@oracle(*named("trade_run_length"))
@each_symbol
def run_length(name: str, seen: Seen) -> np.ndarray:
    side = seen.trade["side"]
    known = np.flatnonzero(side)
    begins = np.zeros(len(side), bool)
    begins[known] = np.diff(side[known], prepend=0) != 0
    return share(name, seen, side != 0, begins)


@oracle(*named("tick_rule_buy_share"))
@each_symbol
def buy_share(name: str, seen: Seen) -> np.ndarray:
    rule = tick_rule(seen.trade["price"])
    return share(name, seen, rule > 0, rule != 0)


@oracle(*named("tick_rule_agreement"))
@each_symbol
def agreement(name: str, seen: Seen) -> np.ndarray:
    rule, side = tick_rule(seen.trade["price"]), seen.trade["side"]
    return share(name, seen, (rule == side) & (side != 0), (rule != 0) & (side != 0))


@oracle(*named("vwap_to_mid_bps"), bound=small)
@each_symbol
def price_distance(name: str, seen: Seen) -> np.ndarray:
    mid = at(np.where(seen.usable, seen.mid, np.nan), seen.quotes)
    size = seen.trade["size"]
    return 10_000 * (share(name, seen, size * seen.trade["price"], size) - mid) / mid
