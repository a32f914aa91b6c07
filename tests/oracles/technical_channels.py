"""Oracles of channels between extremes and of pivots: long double, held to TA-Lib where it has the function."""

from __future__ import annotations

import numpy as np
import talib

from tests.oracles.registry import Market, each_series, oracle
from tests.oracles.technical import TIE, Series, number, sessions, two_price_roundings
from tests.oracles.windows import EPS, before, exact, trailing


def extremes(bars: Series, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the highest high and the lowest low."""
    if len(bars["high"]) < window:
        nothing = np.full(len(bars["high"]), np.longdouble("nan"))
        return nothing, nothing
    return exact(talib.MAX(bars["high"], window)), exact(talib.MIN(bars["low"], window))


@oracle("donchian_position_20", "donchian_position_55")
@each_series
def donchian_position(name: str, bars: Series) -> np.ndarray:
    high, low = extremes(bars, number(name))
    span = np.where(high - low > TIE * high, high - low, np.nan)
    return (exact(bars["close"]) - low) / span


@oracle("donchian_width_20", "donchian_width_55")
@each_series
def donchian_width(name: str, bars: Series) -> np.ndarray:
    high, low = extremes(bars, number(name))
    return 2 * (high - low) / (high + low)


def middle(bars: Series, window: int) -> np.ndarray:
    return (trailing(bars["high"], window).max(axis=1) + trailing(bars["low"], window).min(axis=1)) / 2


@oracle("tenkan_distance_9", "kijun_distance_26", bound=two_price_roundings)
@each_series
def middle_distance(name: str, bars: Series) -> np.ndarray:
    return exact(bars["close"]) / middle(bars, number(name)) - 1


def cloud(bars: Series) -> tuple[np.ndarray, np.ndarray]:
    return before((middle(bars, 9) + middle(bars, 26)) / 2, 26), before(middle(bars, 52), 26)


@oracle("senkou_a_distance", "senkou_b_distance", bound=two_price_roundings)
@each_series
def senkou(name: str, bars: Series) -> np.ndarray:
    return exact(bars["close"]) / cloud(bars)["ab".index(name[7])] - 1


def cloud_condition(name: str, market: Market) -> np.ndarray:
    """Bound the place in a cloud: its spans carry the rounding of prices, which a thin one magnifies."""
    return 8 * EPS * market.bars.close / np.nan_to_num(cloud_width("", market), nan=np.inf)


def thickness(bars: Series) -> np.ndarray:
    first, second = cloud(bars)
    width = np.abs(first - second)
    return np.where(width > TIE * bars["close"], width, np.nan)


@each_series
def cloud_width(name: str, bars: Series) -> np.ndarray:
    return thickness(bars)


@oracle("cloud_position", bound=cloud_condition)
@each_series
def cloud_position(name: str, bars: Series) -> np.ndarray:
    first, second = cloud(bars)
    return np.clip((exact(bars["close"]) - (first + second) / 2) / (thickness(bars) / 2), -1, 1)


@oracle("pivot_distance", "pivot_r1_distance", "pivot_s1_distance", bound=lambda name, market: 8 * EPS)
@each_series
def pivots(name: str, bars: Series) -> np.ndarray:
    """Bound: sums of up to four prices, each rounded, on either side of a difference."""
    result, before_that = np.full(len(bars["close"]), np.longdouble("nan")), None
    for rows in sessions(bars):
        if before_that is not None:
            high, low = exact(bars["high"][before_that]).max(), exact(bars["low"][before_that]).min()
            pivot = (high + low + bars["close"][before_that[-1]]) / 3
            level = {"r": 2 * pivot - low, "s": 2 * pivot - high}.get(name[6], pivot)
            result[rows] = 1 - level / exact(bars["close"][rows])
        before_that = rows
    return result
