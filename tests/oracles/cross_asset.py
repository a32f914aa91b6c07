"""The cross-section by its formulas: every bar time apart, every window of pairs anew, in long double."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import rankdata

from features.ties import TIE
from tests.oracles.registry import Market, oracle

LONG = np.longdouble
ROUNDING = 2.0**-53


def bar_times(market: Market) -> Iterator[np.ndarray]:
    """Yield the rows of each (time, timeframe)."""
    keys = np.stack([market.bars.time, market.bars.timeframe.astype(np.int64)])
    order = np.lexsort(keys[::-1])
    ends = np.flatnonzero((np.diff(keys[:, order], axis=1) != 0).any(axis=0)) + 1
    yield from np.split(order, ends)


def with_return(market: Market, rows: np.ndarray) -> np.ndarray:
    """Return those of the rows that have a log return."""
    return rows[~np.isnan(market.bars.log_return[rows])]


def largest(name: str, market: Market) -> np.ndarray:
    """Sums of a bar time are good to some roundings of its largest return, however they cancel.

    A z-score divides a deviation by the dispersion, both off by as much, and is at most sqrt(rows); a cube thrice that.
    """
    result = np.zeros(len(market.bars.n))
    for rows in bar_times(market):
        if len(valid := with_return(market, rows)):
            returns = market.bars.log_return[valid]
            off, m, deviation = 8 * ROUNDING * np.abs(returns).max(), len(valid), max(returns.std(), TIE)
            z_off = off * (1 + np.sqrt(m)) / deviation
            result[rows] = {"return_z_score": z_off, "cross_section_skewness": 3 * m * z_off}.get(name, off)
    return result


@oracle(
    "market_return", "relative_return", "return_dispersion", "return_z_score", "cross_section_skewness",
    "absolute_dispersion", bound=largest,
)  # fmt: skip
def of_returns(name: str, market: Market) -> np.ndarray:
    result = np.full(len(market.bars.n), np.nan)
    for rows in bar_times(market):
        valid = with_return(market, rows)
        returns = market.bars.log_return[valid].astype(LONG)
        if len(valid) >= 2:
            relative = returns - returns.mean()
            deviation = np.sqrt((relative**2).mean())
            z_scores = relative / deviation if deviation > TIE else np.full(len(valid), np.nan)
            result[valid] = {
                "market_return": returns.mean(),
                "relative_return": relative,
                "return_dispersion": deviation,
                "return_z_score": z_scores,
                "cross_section_skewness": (z_scores**3).mean(),
                "absolute_dispersion": np.abs(relative).mean(),
            }[name]
    return result


@oracle("return_rank", "volume_rank", "spread_rank")
def ranks(name: str, market: Market) -> np.ndarray:
    bars = market.bars
    values = {
        "return_rank": bars.log_return,
        "volume_rank": bars.notional,
        "spread_rank": (bars.ask - bars.bid) / bars.mid,
    }[name]
    result = np.full(len(bars.n), np.nan)
    for rows in bar_times(market):
        valid = rows[~np.isnan(values[rows])]
        if len(valid) >= 2:
            result[valid] = (rankdata(values[valid]) - 1) / (len(valid) - 1)
    return result


@oracle("breadth", "volume_share", "volume_concentration", "rising_volume_share")
def shares(name: str, market: Market) -> np.ndarray:
    result = np.full(len(market.bars.n), np.nan)
    for rows in bar_times(market):
        valid = with_return(market, rows) if name in ("breadth", "rising_volume_share") else rows
        rising, notional = market.bars.log_return[valid] > TIE, market.bars.notional[valid].astype(LONG)
        if name == "breadth" and len(valid) >= 2:
            result[valid] = rising.mean()
        elif len(valid) >= 2 and notional.sum() > 0:
            share = notional / notional.sum()
            result[valid] = {
                "volume_share": share,
                "volume_concentration": (share**2).sum(),
                "rising_volume_share": share[rising].sum(),
            }[name]
    return result
