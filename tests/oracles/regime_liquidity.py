"""Oracles of liquidity and stress: each recursion by itself over the quoted bars, in long double."""

from __future__ import annotations

import math

import numpy as np

from tests.oracles.regime_filters import variance_of
from tests.oracles.regime_trend import bars_since_change, two_thresholds
from tests.oracles.registry import each_series, oracle
from tests.oracles.windows import EPS, before, exact, smoothed

Series = dict[str, np.ndarray]
TIE = 1e-12  # of the mid: a spread below it is none


def roundings(name: str, market: object) -> float:
    """A difference of levels, or a weighted sum of them, carries their roundings in absolute terms."""
    return 64 * EPS


def relative_spread(bars: Series) -> np.ndarray:
    spread = (exact(bars["ask"]) - exact(bars["bid"])) / exact(bars["mid"])
    return np.where(spread > TIE, spread, 0)


def level(values: np.ndarray, nothing: float) -> np.ndarray:
    """Return each value beside its usual, the 120-bar average up to the one before; NaN for the first 20."""
    whole = values + before(smoothed(values, 20, np.longdouble(2) / 121))
    return np.where(whole == 0, nothing, values / np.where(whole == 0, 1, whole))


@oracle(
    "spread_level_20",
    "volume_level_20",
    "liquidity_score",
    "liquidity_state",
    "bars_in_liquidity_state",
    bound=roundings,
)
@each_series
def liquidity(name: str, bars: Series) -> np.ndarray:
    result, rows = np.full(len(bars["mid"]), np.nan), np.flatnonzero(~np.isnan(bars["mid"]))
    if len(rows) < 40:
        return result
    quoted = {field: column[rows] for field, column in bars.items()}
    levels = {
        "spread_level_20": level(relative_spread(quoted), 0.5),
        "volume_level_20": level(exact(quoted["volume"]), 0.0),
    }
    smooth = {key: smoothed(values, 20, np.longdouble(2) / 21, first=20) for key, values in levels.items()}
    score = smooth["volume_level_20"] - smooth["spread_level_20"]
    if name in smooth or name == "liquidity_score":
        result[rows] = smooth.get(name, score)
    else:
        states = two_thresholds(score[39:], 0.5 / math.pi, 0.25 / math.pi)
        result[rows[39:]] = bars_since_change(states) if name.startswith("bars_in") else states
    return result


def drawdown_stress(bars: Series) -> np.ndarray:
    close = exact(bars["close"])
    highest = np.array([close[max(0, row - 59) : row + 1].max() for row in range(len(close))])
    variance = variance_of(bars, 120)
    fall = (highest - close) / highest / np.sqrt(60 * np.where(variance > 0, variance, np.nan))
    return fall / (fall + 1)


def market_stress(bars: Series) -> np.ndarray:
    result, rows = np.full(len(bars["mid"]), np.longdouble("nan")), np.flatnonzero(~np.isnan(bars["mid"]))
    if len(rows):
        result[rows[20:]] = level(relative_spread({field: column[rows] for field, column in bars.items()}), 0.5)[20:]
    short, long = variance_of(bars, 20), variance_of(bars, 120)
    raised = short / np.where(long > 0, short + long, np.nan)
    return (drawdown_stress(bars) + raised + result) / 3


@oracle("drawdown_stress_60", bound=roundings)
@each_series
def drawdown(name: str, bars: Series) -> np.ndarray:
    return drawdown_stress(bars)


@oracle("market_stress", "stress_state", "bars_in_stress_state", bound=roundings)
@each_series
def stress(name: str, bars: Series) -> np.ndarray:
    values = market_stress(bars)
    result, rows = np.full(len(values), np.nan), np.flatnonzero(~np.isnan(values))
    enter = (math.sqrt(5) - 1) / 2
    states = two_thresholds(values[rows], enter, 0.85 * enter)
    kinds = {"market_stress": values[rows], "stress_state": states, "bars_in_stress_state": bars_since_change(states)}
    result[rows] = kinds[name]
    return result
