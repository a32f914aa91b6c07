"""Oracles of stationarity: each window's regression and variance ratio anew, in long double."""

from __future__ import annotations

import math

import numpy as np
from statsmodels.api import OLS, add_constant

from tests.oracles.regime_trend import TIE, bars_since_change, two_thresholds
from tests.oracles.regime_volatility import SMALL, numbers, slid
from tests.oracles.registry import each_series, oracle
from tests.oracles.windows import EPS, agrees, before, exact, trailing

Series = dict[str, np.ndarray]


def moves_of(bars: Series, window: int) -> np.ndarray:
    """Return (n, window): whether each of the last closes differs from the one before it."""
    close = exact(bars["close"])
    return trailing(np.where(np.abs(close - before(close)) > TIE * close, 1, 0), window) == 1


def regression(bars: Series) -> dict[str, np.ndarray]:
    """Return slope and t statistic, and the spreads they come from, a row each; NaN where they are undefined."""
    close = exact(bars["close"])
    window = trailing(close, 61) - close[:, None]
    x, d = window[:, :-1], np.diff(window, axis=1)
    x, y = x - x.mean(axis=1, keepdims=True), d - d.mean(axis=1, keepdims=True)
    spread, squares = (x**2).sum(axis=1), (d**2).sum(axis=1)
    moved = moves_of(bars, 60)[:, :-1].any(axis=1) & (spread > 0)
    slope = (x * y).sum(axis=1) / np.where(moved, spread, np.nan)
    left = ((y - slope[:, None] * x) ** 2).sum(axis=1)
    slope = np.where(left > 1e-6 * squares, slope, np.nan)
    error = np.sqrt(left / 58 / np.where(moved, spread, np.nan))
    return {"slope": slope, "t": slope / np.where(left > 0, error, np.nan), "left": left, "spread": spread}


def dickey_fuller(bars: Series) -> np.ndarray:
    ours, close = regression(bars)["t"], bars["close"]
    rows = np.flatnonzero(~np.isnan(ours))[::97]
    windows = [close[row - 60 : row + 1] - close[row] for row in rows]
    library = [OLS(np.diff(window), add_constant(window[:-1])).fit().tvalues[1] for window in windows]
    agrees(ours[rows], np.array(library), 1e-6)
    return ours


@each_series
def slid_regression(name: str, bars: Series) -> np.ndarray:
    """Bound what the sums lose: 2 roundings a bar since their last lap, of 60 squares of the farthest level then.

    They are made anew where they are less than SMALL of what they have held, so that they lose no more than that of
    the squared levels; nor, summed from the closes, more than that of the squared changes.
    """
    close = exact(bars["close"])
    reach = np.array([np.ptp(close[max(0, row - 125) : row + 1]) for row in range(len(close))])
    found, squares = regression(bars), np.nan_to_num(trailing(changes(bars, 1), 60).sum(axis=1))
    slope, t, left, spread = (np.nan_to_num(found[key], nan=1) for key in ("slope", "t", "left", "spread"))
    left, spread = np.maximum(left, 1e-300), np.maximum(spread, 1e-300)
    lost = 4 * 124 * EPS * np.minimum(60 * reach**2, np.maximum(spread / SMALL, squares))
    if name == "half_life_60":
        return (math.log(2) / slope**2 * lost * (1 + np.abs(slope)) / spread).astype(float)
    of_spreads = lost * (1 + slope**2) / left + lost / spread
    return (lost * (1 + np.abs(slope)) / np.sqrt(left * spread / 58) + np.abs(t) * of_spreads).astype(float)


@oracle("dickey_fuller_t_60", "half_life_60", bound=slid_regression)
@each_series
def reversion(name: str, bars: Series) -> np.ndarray:
    if name == "dickey_fuller_t_60":
        return dickey_fuller(bars)
    slope = regression(bars)["slope"]
    return -np.log(np.longdouble(2)) / np.where(slope < 0, slope, np.nan)


def changes(bars: Series, held: int) -> np.ndarray:
    """Return the squared changes over some bars."""
    close = exact(bars["close"])
    return (close - before(close, held)) ** 2


def persistence_of(bars: Series, held: int) -> np.ndarray:
    over = trailing(changes(bars, held), 121 - held).mean(axis=1) / held
    one = np.where(moves_of(bars, 120).any(axis=1), trailing(changes(bars, 1), 120).mean(axis=1), np.nan)
    return (over - one) / (over + one)


@each_series
def slid_persistence(name: str, bars: Series) -> np.ndarray:
    held = numbers(name)[0]
    return slid(changes(bars, held), 121 - held) + slid(changes(bars, 1), 120)


@oracle("persistence_5_120", "persistence_20_120", bound=slid_persistence)
@each_series
def persistence(name: str, bars: Series) -> np.ndarray:
    return persistence_of(bars, numbers(name)[0])


@oracle("persistence_state", "bars_in_persistence_state")
@each_series
def persistence_state(name: str, bars: Series) -> np.ndarray:
    states = two_thresholds(persistence_of(bars, 20), 1 / math.pi, 0.5 / math.pi)
    result = bars_since_change(states) if name.startswith("bars_in") else states
    result[:120] = np.nan
    return result
