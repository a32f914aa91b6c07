"""Quotes by their formulas: averages over time, order flow, rates."""

from __future__ import annotations

import numpy as np

from tests.oracles.microstructure import (
    FORGOTTEN,
    HORIZON,
    LONG,
    Seen,
    at,
    decayed,
    each_symbol,
    fresh,
    horizon_of,
    ratio,
    small,
    within_bars,
)
from tests.oracles.registry import oracle


def shown(name: str, seen: Seen) -> np.ndarray:
    """Return what each quote shows."""
    q = seen.quote
    spread, depth = 10_000 * (q["ask"] - q["bid"]) / seen.mid, q["bid_size"] + q["ask_size"]
    imbalance = np.where(depth > 0, (q["bid_size"] - q["ask_size"]) / np.where(depth > 0, depth, 1), 0)
    if name.startswith("microprice"):
        micro = (q["bid"] * q["ask_size"] + q["ask"] * q["bid_size"]) / np.where(depth > 0, depth, 1)
        return np.where(depth > 0, 10_000 * (micro - seen.mid) / seen.mid, 0)
    if name.startswith("locked"):
        return (q["ask"] <= q["bid"]).astype(LONG)
    return imbalance if name.startswith("depth") else spread


@oracle("quoted_spread_bps", "microprice_deviation_bps", "depth_imbalance", "locked_crossed",
        bound=lambda name, market: 1e-9 * 1e-6)  # fmt: skip
@each_symbol
def last_quote(name: str, seen: Seen) -> np.ndarray:
    return at(np.where(seen.usable, shown(name, seen), np.nan), seen.quotes)


@oracle(*(f"{name}_{h}" for name in ("quoted_spread_bps", "depth_imbalance", "locked_crossed_share") for h in HORIZON),
        bound=small)  # fmt: skip
@each_symbol
def mean_over_time(name: str, seen: Seen) -> np.ndarray:
    horizon, time, usable = horizon_of(name), seen.quote["time"], seen.usable
    if not usable.any():
        return np.full(len(seen.time), np.nan)
    value = np.where(usable, shown(name, seen), 0)
    stood = -np.expm1(-np.diff(time).astype(LONG) / horizon) * usable[:-1]
    part = decayed(time, np.concatenate(([0], stood * value[:-1])), seen.quotes, horizon)
    whole = decayed(time, np.concatenate(([0], stood)), seen.quotes, horizon)
    age = seen.time - at(time, seen.quotes)
    keep = np.where(age <= FORGOTTEN * horizon, np.exp(-age.astype(LONG) / horizon), 0)
    stands = at(usable, seen.quotes) == 1
    gain = np.where(stands, -np.expm1(-age.astype(LONG) / horizon), 0)
    mean = ratio(keep * part + gain * at(value, seen.quotes), keep * whole + gain)
    mean = np.where(stands & (keep * whole + gain == 0), at(value, seen.quotes), mean)
    ended = np.array([_ended(time, usable, n) for n in seen.quotes])
    return np.where(stands, mean, fresh(mean, seen.time - ended, horizon))


def _ended(time: np.ndarray, usable: np.ndarray, n: int) -> np.longdouble:
    """Return when the last usable of the first n quotes gave way to an unusable one."""
    last = np.flatnonzero(usable[:n])
    return LONG(time[last[-1] + 1]) if len(last) and last[-1] + 1 < n else LONG(np.nan)


def flow_events(seen: Seen) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return times, flows, depths of successive usable quotes, and how many of them each row has had."""
    usable = seen.usable
    q = {name: column[usable] for name, column in seen.quote.items()}
    new, old = ({name: column[part] for name, column in q.items()} for part in (slice(1, None), slice(None, -1)))
    bid = (new["bid"] >= old["bid"]) * new["bid_size"] - (new["bid"] <= old["bid"]) * old["bid_size"]
    ask = (new["ask"] <= old["ask"]) * new["ask_size"] - (new["ask"] >= old["ask"]) * old["ask_size"]
    depth = sum(part[side] for part in (new, old) for side in ("bid_size", "ask_size"))
    n = np.concatenate(([0], np.cumsum(usable)))[seen.quotes]
    return q["time"], bid - ask, depth, np.maximum(n - 1, 0)


@oracle(*(f"order_flow_imbalance_{h}" for h in HORIZON), "bar_order_flow_imbalance", bound=small)
@each_symbol
def order_flow(name: str, seen: Seen) -> np.ndarray:
    time, flow, depth, n = flow_events(seen)
    if not len(flow):
        return np.full(len(n), np.nan)
    if name.startswith("bar"):
        return ratio(within_bars(seen, flow, n), within_bars(seen, depth, n))
    horizon = horizon_of(name)
    share = ratio(decayed(time[1:], flow, n, horizon), decayed(time[1:], depth, n, horizon))
    return fresh(share, seen.time - at(time[1:], n), horizon)
