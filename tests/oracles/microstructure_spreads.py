"""What trading costs and how prices move, by their formulas: spreads, impact, returns of the mid."""

from __future__ import annotations

import numpy as np

from tests.oracles.microstructure import (
    HORIZON,
    LONG,
    SECOND,
    Seen,
    at,
    decayed,
    each_symbol,
    fresh,
    horizon_of,
    small,
)
from tests.oracles.registry import oracle


@oracle("mid_return_5s", "mid_return_1m", bound=lambda name, market: 1e-18)  # a long double's log near 0
@each_symbol
def mid_return(name: str, seen: Seen) -> np.ndarray:
    width, back = {"mid_return_5s": (SECOND // 10, 50), "mid_return_1m": (SECOND, 60)}[name]
    before = np.searchsorted(seen.quote["time"][seen.usable], (seen.time // width - back) * width)
    then, now = at(seen.mid[seen.usable], before), at(seen.mid, seen.quotes)
    return np.log(now / then)


def counted_trades(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Return which trades have a known side and a usable quote standing, and that quote's mid for every trade."""
    mid = at(np.where(seen.usable, seen.mid, np.nan), seen.quotes_before_trade)
    return (seen.trade["side"] != 0) & ~np.isnan(mid), mid


@oracle("effective_spread_bps_1m", bound=small)
@each_symbol
def effective_spread(name: str, seen: Seen) -> np.ndarray:
    counted, mid = counted_trades(seen)
    if not counted.any():
        return np.full(len(seen.time), np.nan)
    trade, horizon = {field: column[counted] for field, column in seen.trade.items()}, horizon_of(name)
    paid = 20_000 * trade["side"] * (trade["price"] - mid[counted]) / mid[counted]
    n = np.concatenate(([0], np.cumsum(counted)))[seen.trades]
    mean = decayed(trade["time"], paid, n, horizon) / decayed(trade["time"], np.ones(len(paid), LONG), n, horizon)
    return fresh(mean, seen.time - at(trade["time"], n), horizon)


@oracle("realized_spread_bps_5s", bound=small)
@each_symbol
def realized_spread(name: str, seen: Seen) -> np.ndarray:
    counted, mid = counted_trades(seen)
    if not counted.any():
        return np.full(len(seen.time), np.nan)
    trade, width, horizon = {field: c[counted] for field, c in seen.trade.items()}, SECOND // 10, HORIZON["1m"]
    began = trade["time"] // width * width
    due = began + 51 * width
    later = at(seen.mid[seen.usable], np.searchsorted(seen.quote["time"][seen.usable], due))
    kept = 20_000 * trade["side"] * (trade["price"] - later) / mid[counted]
    n = np.searchsorted(due, seen.time, side="right")
    mean = decayed(began, kept, n, horizon) / decayed(began, np.ones(len(kept), LONG), n, horizon)
    return fresh(mean, seen.time - at(due, n), horizon)
