"""Oracles of stops: replayed bar by bar in long double, SAR held to TA-Lib in whole ticks."""

from __future__ import annotations

import numpy as np
import talib

from tests.oracles.registry import Market, each_series, oracle
from tests.oracles.technical import TIE, Series, whole_ticks
from tests.oracles.technical_bands import average_range
from tests.oracles.windows import EPS, agrees, exact

Stops = tuple[np.ndarray, np.ndarray]


def stop_roundings(name: str, market: Market) -> np.ndarray | float:
    """Bound a distance from a stop: half an ulp of the price each bar, of which up to 1 / 0.02 stand in a SAR."""
    return 0.0 if "direction" in name else 50 * EPS


def replayed_sar(bars: Series) -> tuple[np.ndarray, np.ndarray, int]:
    """Return SAR and direction by Wilder's rules, told for each side on its own, and the rows up to a near-tie.

    In a long flat a SAR closes in on the price. TIE says when they meet; TA-Lib waits for the last bit.
    """
    high, low = exact(bars["high"]), exact(bars["low"])
    n, step, most = len(high), np.longdouble("0.02"), np.longdouble("0.2")
    sar, way = np.full((2, n), np.longdouble("nan"))
    if n < 2:
        return sar, way, n
    alike = n
    fell, rose = low[0] - low[1], high[1] - high[0]
    long = not (fell > TIE * bars["close"][1] and fell > rose + TIE * bars["close"][1])
    stop, extreme, pace = (low[0], high[1], step) if long else (high[0], low[1], step)
    for k in range(1, n):
        before = max(k - 1, 1)
        top, bottom, tie = max(high[before], high[k]), min(low[before], low[k]), TIE * high[k]
        if 1e-14 < abs((low[k] if long else high[k]) - stop) / high[k] < 10 * TIE:
            alike = min(alike, k)
        if long and low[k] <= stop + tie:
            long, sar[k], pace = False, max(extreme, top), step
            extreme = low[k]
            stop = max(sar[k] + pace * (extreme - sar[k]), top)
        elif not long and high[k] >= stop - tie:
            long, sar[k], pace = True, min(extreme, bottom), step
            extreme = high[k]
            stop = min(sar[k] + pace * (extreme - sar[k]), bottom)
        else:
            sar[k] = stop
            if high[k] > extreme + tie if long else low[k] < extreme - tie:
                extreme, pace = high[k] if long else low[k], min(pace + step, most)
            moved = stop + pace * (extreme - stop)
            stop = min(moved, bottom) if long else max(moved, top)
        way[k] = 1 if long else -1
    return sar, way, alike


@oracle("sar_distance", "sar_direction", bound=stop_roundings)
@each_series
def sar(name: str, bars: Series) -> np.ndarray:
    stop, way, alike = replayed_sar(bars)
    close = exact(bars["close"])
    if len(close) > 1:
        library = talib.SAR(whole_ticks(bars["high"]), whole_ticks(bars["low"]), 0.02, 0.2)
        agrees((stop / close)[:alike], (library / whole_ticks(bars["close"]))[:alike], 1e-7)
    return way if "direction" in name else (close - stop) / close


def replayed_supertrend(bars: Series) -> Stops:
    """Return line and direction by TradingView's rules (Pine's `supertrend`), prices within TIE being equal."""
    close, middle, reach = exact(bars["close"]), (exact(bars["high"]) + bars["low"]) / 2, 3 * average_range(bars, 10)
    up, down, trend = middle - reach, middle + reach, 1
    line, way = np.full((2, len(close)), np.longdouble("nan"))
    for k in range(10, len(close)):
        if k > 10:
            tie, up1, down1 = TIE * close[k], up[k - 1], down[k - 1]
            up[k] = max(up[k], up1) if close[k - 1] > up1 + tie else up[k]
            down[k] = min(down[k], down1) if close[k - 1] < down1 - tie else down[k]
            if trend == -1 and close[k] > down1 + tie:
                trend = 1
            elif trend == 1 and close[k] < up1 - tie:
                trend = -1
        line[k], way[k] = up[k] if trend > 0 else down[k], trend
    return line, way


@oracle("supertrend_distance_10", "supertrend_direction_10", bound=stop_roundings)
@each_series
def supertrend(name: str, bars: Series) -> np.ndarray:
    line, way = replayed_supertrend(bars)
    return way if "direction" in name else (exact(bars["close"]) - line) / bars["close"]
