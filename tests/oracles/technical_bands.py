"""Oracles of bands, channels, stops and ranges: long double, held to TA-Lib where it has the function."""

from __future__ import annotations

import numpy as np
import talib

from tests.oracles.registry import Market, each_series, oracle
from tests.oracles.technical import (
    DIED_AWAY,
    TIE,
    Series,
    died_away,
    number,
    true_range,
    whole_ticks,
)
from tests.oracles.windows import EPS, agrees, before, exact, smoothed, trailing


def average_range(bars: Series, window: int) -> np.ndarray:
    """Return Wilder's average of the true ranges, which begin with the second bar."""
    return smoothed(true_range(bars), window, 1 / window, first=1)


@oracle("natr_7", "natr_14", "natr_21", bound=died_away)
@each_series
def natr(name: str, bars: Series) -> np.ndarray:
    ours = 100 * average_range(bars, number(name)) / exact(bars["close"])
    return agrees(ours, talib.NATR(bars["high"], bars["low"], bars["close"], number(name)), 1e-11)


@oracle("atr_14", bound=lambda name, market: DIED_AWAY * market.bars.close)
@each_series
def atr(name: str, bars: Series) -> np.ndarray:
    ours, close = average_range(bars, 14), bars["close"]
    agrees(ours / exact(close), talib.ATR(bars["high"], bars["low"], close, 14) / close, 1e-13)
    return ours


def band_condition(name: str, market: Market) -> np.ndarray:
    """Bound the place in a band: prices carry their rounding, which a narrow band magnifies."""
    deviation = band_deviation(name, market)
    return 4 * EPS * market.bars.close / np.where(deviation > 0, deviation, np.inf)


def deviation_of(bars: Series, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the closes of each window, less this close, and their population deviation."""
    closes = trailing(bars["close"], window)
    closes = closes - closes[:, -1:]
    return closes, closes.std(axis=1)


@each_series
def band_deviation(name: str, bars: Series) -> np.ndarray:
    return deviation_of(bars, number(name))[1]


@oracle("bollinger_position_20", "bollinger_position_50", bound=band_condition)
@each_series
def bollinger_position(name: str, bars: Series) -> np.ndarray:
    closes, deviation = deviation_of(bars, number(name))
    lower = closes.mean(axis=1) - 2 * deviation
    flat = closes.max(axis=1) - closes.min(axis=1) <= TIE * bars["close"]
    return np.where(flat, np.nan, -lower / np.where(flat, np.nan, 4 * deviation))


@oracle("bollinger_width_20", "bollinger_width_50")
@each_series
def bollinger_width(name: str, bars: Series) -> np.ndarray:
    _, deviation = deviation_of(bars, number(name))
    return 4 * deviation / trailing(bars["close"], number(name)).mean(axis=1)


@each_series
def range_left(name: str, bars: Series) -> np.ndarray:
    reach = average_range(bars, 10)
    return np.where(reach > TIE * bars["close"], reach, np.nan)


def keltner_condition(name: str, market: Market) -> np.ndarray:
    """Bound the place in a band of ranges: the mean of 20 rounds by half an ulp each bar, of which 10.5 stand in it."""
    reach = range_left(name, market)
    return 8 * EPS * market.bars.close / np.where(reach > 0, reach, np.inf)


def keltner_mean(bars: Series, span: int = 20) -> np.ndarray:
    close = bars["close"]
    mean = smoothed(close, span, 2 / (span + 1))
    if len(close) >= span:
        agrees(mean / exact(close), talib.EMA(close, span) / close, 1e-12)
    return mean


def keltner_ranges(bars: Series) -> np.ndarray:
    reach, close = average_range(bars, 10), bars["close"]
    agrees(reach / exact(close), talib.ATR(bars["high"], bars["low"], close, 10) / close, 1e-13)
    return np.where(reach > TIE * close, reach, np.nan)


@oracle("keltner_position_20", bound=keltner_condition)
@each_series
def keltner_position(name: str, bars: Series) -> np.ndarray:
    mean, reach = keltner_mean(bars), keltner_ranges(bars)
    return (exact(bars["close"]) - (mean - 2 * reach)) / (4 * reach)


@oracle("keltner_width_20", bound=died_away)
@each_series
def keltner_width(name: str, bars: Series) -> np.ndarray:
    return 4 * average_range(bars, 10) / keltner_mean(bars)


@oracle("squeeze_ratio_20", bound=keltner_condition)
@each_series
def squeeze(name: str, bars: Series) -> np.ndarray:
    return deviation_of(bars, 20)[1] / keltner_ranges(bars)


def mean_roundings(name: str, market: Market) -> float:
    """Bound a distance from an exponential mean of 13: half an ulp each bar, of which 7 stand in it."""
    return 4 * EPS


@oracle("elder_bull_power_13", "elder_bear_power_13", bound=mean_roundings)
@each_series
def elder_power(name: str, bars: Series) -> np.ndarray:
    edge = bars["high"] if "bull" in name else bars["low"]
    return (exact(edge) - keltner_mean(bars, 13)) / exact(bars["close"])


def mean_span(bars: Series) -> np.ndarray:
    span = exact(bars["high"]) - exact(bars["low"])
    return smoothed(span, 10, np.longdouble(2) / 11)


def growth_condition(name: str, market: Market) -> np.ndarray:
    """Bound a percentage of the mean range before: ranges carry the rounding of prices, which a small one magnifies."""
    before_that = mean_span_before("", market)
    grown = 1 + mean_span_now("", market) / before_that
    return np.nan_to_num(100 * 2 * EPS * market.bars.close / before_that * grown)


@each_series
def mean_span_now(name: str, bars: Series) -> np.ndarray:
    return mean_span(bars)


@each_series
def mean_span_before(name: str, bars: Series) -> np.ndarray:
    old = before(mean_span(bars), 10)
    return np.where(old > TIE * bars["close"], old, np.nan)


@oracle("chaikin_volatility_10", bound=growth_condition)
@each_series
def chaikin_volatility(name: str, bars: Series) -> np.ndarray:
    mean, close = mean_span(bars), bars["close"]
    old = before(mean, 10)
    sound = old > TIE * close
    ours = np.where(sound, 100 * (mean / np.where(sound, old, 1) - 1), np.nan)
    if len(close) > 20:
        library = talib.ROC(talib.EMA((whole_ticks(bars["high"]) - whole_ticks(bars["low"])), 10), 10)
        library = np.where(old > 1e-9 * close, library, np.nan)
        agrees(ours / (100 + ours), library / (100 + ours), 1e-5)
    return ours
