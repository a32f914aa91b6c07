"""Oracle of the correlation regime: every bar time's market, every series' averages over its own pairs."""

from __future__ import annotations

import math

import numpy as np

from tests.oracles.cross_asset import bar_times, with_return
from tests.oracles.regime_trend import two_thresholds
from tests.oracles.registry import Market, oracle
from tests.oracles.windows import EPS, exact, smoothed

NONE = 1e-24  # a mean square below it is none


def markets(market: Market) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's market return (NaN: no pair) and the largest return it is made of."""
    whole, largest = np.full((2, len(market.bars.n)), np.longdouble("nan"))
    for group in bar_times(market):
        if len(rows := with_return(market, group)) >= 2:
            returns = exact(market.bars.log_return[rows])
            whole[rows], largest[rows] = returns.mean(), np.abs(returns).max()
    return whole, largest


def correlations(market: Market) -> np.ndarray:
    """Return (rows, 4): c20, c120 and what rounding may do to either; NaN where it has none, inf while warming up."""
    whole, largest = markets(market)
    result = np.full((len(whole), 4), np.inf, np.longdouble)
    for series in np.unique(market.bars.series):
        rows = np.flatnonzero((market.bars.series == series) & ~np.isnan(whole))
        own, index = exact(market.bars.log_return[rows]), whole[rows]
        late = rows[119:]
        if not len(late):
            continue
        for at, span in enumerate((20, 120)):
            a, b, ab, most = (
                smoothed(values, span, np.longdouble(2) / (span + 1))[119:]
                for values in (own**2, index**2, own * index, largest[rows] ** 2)
            )
            known = (a > NONE) & (b > NONE)
            result[late, at] = np.where(known, ab / np.sqrt(np.where(known, a * b, 1)), np.nan)
            result[late, at + 2] = np.where(known, 8 * span * EPS * np.sqrt(most / np.where(known, b, 1)), 0)
    return result


def regime(market: Market) -> dict[str, np.ndarray]:
    """Return the columns and, under `bound`, what rounding may do to a row's own or the average change."""
    found = correlations(market)
    n = len(found)
    own, short, change, bound = np.full((4, n), np.nan)
    for group in bar_times(market):
        warm = group[np.isfinite(found[group, 3])]
        both = warm[~np.isnan(found[warm, :2]).any(axis=1)]
        if len(both):
            own[both] = found[both, 0] - found[both, 1]
            short[warm], change[warm] = found[both, 0].mean(), (found[both, 0] - found[both, 1]).mean()
            bound[warm] = found[both, 2:].sum(axis=1).max()
    return {
        "market_correlation_change": own,
        "average_market_correlation_20": short,
        "average_market_correlation_change": change,
        "bound": np.nan_to_num(bound),
    }


def rounding(name: str, market: Market) -> np.ndarray:
    return regime(market)["bound"]


@oracle(
    "market_correlation_change",
    "average_market_correlation_20",
    "average_market_correlation_change",
    bound=rounding,
)
def correlation(name: str, market: Market) -> np.ndarray:
    return regime(market)[name]


@oracle("correlation_state")
def correlation_state(name: str, market: Market) -> np.ndarray:
    change = regime(market)["average_market_correlation_change"]
    result = np.full(len(change), np.nan)
    for series in np.unique(market.bars.series):
        rows = np.flatnonzero((market.bars.series == series) & ~np.isnan(change))
        result[rows] = two_thresholds(change[rows], 0.5 / math.pi, 0.25 / math.pi)
    return result
