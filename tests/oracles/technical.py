"""Oracles of the technical columns: TA-Lib where it has the function, held to long double where its float64 is short.

TA-Lib takes averages below 1e-14 as 0; its ratios don't depend on the price's scale, so they get prices * 2 ** 300.
Where it branches on differences, it gets whole ticks, in which equal decimals are equal.
"""

from __future__ import annotations

import numpy as np
import talib
from scipy.signal import lfilter

from schema.bars import BarFlag
from tests.oracles.registry import Market, each_series, oracle
from tests.oracles.windows import EPS, agrees, before, exact, smoothed, trailing

Series = dict[str, np.ndarray]
HUGE = 2.0**300
DIED_AWAY = 1e-30  # of the price
TIE = 1e-12  # of the price: moves of less are none


def whole_ticks(prices: np.ndarray) -> np.ndarray:
    """Return prices in ticks of 2.5e-9, of which every decimal price of the markets is a whole number."""
    return np.rint(prices * 4e8) * HUGE


def without_ties(moves: np.ndarray, prices: np.ndarray) -> np.ndarray:
    return np.where(np.abs(moves) <= TIE * prices, 0, moves)


def number(name: str) -> int:
    return int(name.rsplit("_", 1)[1])


def two_price_roundings(name: str, market: Market) -> float:
    """Bound a difference of prices near one another, over the price: each carries its own rounding to float64."""
    return 2 * EPS


@oracle("ema_ratio_10", "ema_ratio_20", "ema_ratio_50", bound=two_price_roundings)
@each_series
def ema_ratio(name: str, bars: Series) -> np.ndarray:
    close, span = bars["close"], number(name)
    mean = smoothed(close, span, 2 / (span + 1))
    if len(close) >= span:
        agrees(mean / exact(close), talib.EMA(close, span) / close, 1e-12)
    return exact(close) / mean - 1


@oracle("sma_ratio_5", "sma_ratio_10", "sma_ratio_20", "sma_ratio_50", bound=two_price_roundings)
@each_series
def sma_ratio(name: str, bars: Series) -> np.ndarray:
    close, window = bars["close"], number(name)
    mean = trailing(close, window).mean(axis=1)
    agrees(mean / exact(close), talib.SMA(close, window) / close, 1e-11)
    return exact(close) / mean - 1


@oracle("macd_ratio", "macd_signal_ratio", "macd_histogram_ratio", bound=two_price_roundings)
@each_series
def macd(name: str, bars: Series) -> np.ndarray:
    close = bars["close"]
    line = smoothed(close, 12, 2 / 13, first=14) - smoothed(close, 26, 2 / 27)
    signal = smoothed(line, 9, 2 / 10, first=25)
    ours = (np.where(np.isnan(signal), np.nan, line), signal, line - signal)
    at = ("macd_ratio", "macd_signal_ratio", "macd_histogram_ratio").index(name)
    if len(close) > 33:
        agrees(ours[at] / exact(close), talib.MACD(close, 12, 26, 9)[at] / close, 1e-12)
    return ours[at] / exact(close)


def died_away(name: str, market: Market) -> float:
    """Bound what is left of a percentage when an average below DIED_AWAY counts as 0."""
    return 1e4 * DIED_AWAY


def wilder(values: np.ndarray) -> np.ndarray:
    """Return Wilder's average over 14 of values that begin with the second bar."""
    return smoothed(values, 14, 1 / 14, first=1)


def true_range(bars: Series) -> np.ndarray:
    high, low, last = exact(bars["high"]), exact(bars["low"]), before(bars["close"])
    return np.max([high - low, np.abs(high - last), np.abs(low - last)], axis=0)


def share_of_moves(moved: np.ndarray, close: np.ndarray) -> np.ndarray:
    """Bound a percentage of the average move: moves carry the rounding of their prices, which small ones magnify."""
    return 1e4 * DIED_AWAY + 100 * EPS * close / np.where(moved > 0, moved, np.inf)


@each_series
def share_of_changes(name: str, bars: Series) -> np.ndarray:
    close = exact(bars["close"])
    return share_of_moves(wilder(without_ties(np.abs(close - before(close)), close)), close)


@each_series
def share_of_ranges(name: str, bars: Series) -> np.ndarray:
    return share_of_moves(wilder(without_ties(true_range(bars), bars["close"])), bars["close"])


@oracle("rsi_14", bound=died_away)
@each_series
def rsi(name: str, bars: Series) -> np.ndarray:
    close = exact(bars["close"])
    change = without_ties(close - before(close), close)
    gain, moved = wilder(np.maximum(change, 0)), wilder(np.abs(change))
    ours = 100 * gain / np.where(moved > DIED_AWAY * close, moved, np.nan)
    return agrees(ours, talib.RSI(whole_ticks(bars["close"]), 14), 1e-4)


@oracle("adx_14", "plus_di_14", "minus_di_14", bound=died_away)
@each_series
def directional(name: str, bars: Series) -> np.ndarray:
    high, low, close = (exact(bars[field]) for field in ("high", "low", "close"))
    rise, fall = without_ties(high - before(high), close), without_ties(before(low) - low, close)
    contrast = without_ties(rise - fall, close)
    plus = wilder_sum(np.where((rise > 0) & (contrast > 0), rise, 0))
    minus = wilder_sum(np.where((fall > 0) & (contrast < 0), fall, 0))
    moved = wilder_sum(without_ties(true_range(bars), close))
    moved = np.where(moved > DIED_AWAY * close, moved, np.nan)
    ours = {"plus_di_14": 100 * plus / moved, "minus_di_14": 100 * minus / moved}.get(name)
    if ours is None:
        ours = np.where(np.isnan(moved), np.nan, average_contrast(plus, minus))
    function = {"adx_14": talib.ADX, "plus_di_14": talib.PLUS_DI, "minus_di_14": talib.MINUS_DI}[name]
    return agrees(ours, function(*(whole_ticks(bars[field]) for field in ("high", "low", "close")), 14), 1e-4)


def wilder_sum(values: np.ndarray) -> np.ndarray:
    """Return the sum of the changes at rows 1 .. 13, then sum * 13 / 14 + value, as TA-Lib; NaN up to row 13."""
    result = np.full(len(values), np.longdouble("nan"))
    if len(values) > 14:
        keep = np.longdouble(13) / 14
        first = exact(values[1:14]).sum()
        result[14:], _ = lfilter([np.longdouble(1)], [np.longdouble(1), -keep], values[14:], zi=[keep * first])
    return result


def average_contrast(plus: np.ndarray, minus: np.ndarray) -> np.ndarray:
    """Return ADX: the mean of the contrasts at rows 14 .. 27, then Wilder's average; none leaves it as it is."""
    result, mean, total = np.full(len(plus), np.longdouble("nan")), np.longdouble(0), plus + minus
    for row in range(14, len(plus)):
        contrast = 100 * abs(plus[row] - minus[row]) / total[row] if total[row] > 0 else None
        if row < 28:
            mean += (contrast or 0) / np.longdouble(14)
        elif contrast is not None:
            mean = (13 * mean + contrast) / 14
        result[row] = mean if row >= 27 else np.nan
    return result


@oracle("stochastic_k_14", "stochastic_d_14_3", "williams_r_14")
@each_series
def stochastic(name: str, bars: Series) -> np.ndarray:
    high, low, close = (bars[field] * HUGE for field in ("high", "low", "close"))
    highest, lowest = talib.MAX(high, 14), talib.MIN(low, 14)
    spread = exact(np.where(highest - lowest > TIE * highest, highest - lowest, np.nan))
    if name == "williams_r_14":
        return agrees(100 * (exact(close) - highest) / spread, talib.WILLR(high, low, close, 14), 1e-9)
    k = 100 * (exact(close) - lowest) / spread
    fast, slow = talib.STOCHF(high, low, close, 14, 3, 0)
    return agrees(k, fast, 1e-9) if name == "stochastic_k_14" else agrees(trailing(k, 3).mean(axis=1), slow, 1e-9)


@oracle("obv", bound=lambda name, market: 600 * EPS * session_volume("", market))
@each_series
def obv(name: str, bars: Series) -> np.ndarray:
    parts = [talib.OBV(whole_ticks(bars["close"][rows]), bars["volume"][rows]) for rows in sessions(bars)]
    return np.where(volume_so_far(bars) > 0, np.concatenate(parts), np.nan)


def sessions(bars: Series) -> list[np.ndarray]:
    starts = np.flatnonzero(bars["flags"] & BarFlag.SESSION_FIRST)
    return [rows for rows in np.split(np.arange(len(bars["flags"])), starts) if len(rows)]


def volume_so_far(bars: Series, field: str = "volume") -> np.ndarray:
    return np.concatenate([np.cumsum(exact(bars[field][rows])) for rows in sessions(bars)])


@each_series
def session_volume(name: str, bars: Series) -> np.ndarray:
    return volume_so_far(bars)


@oracle("vwap_distance_session", bound=two_price_roundings)
@each_series
def vwap_distance(name: str, bars: Series) -> np.ndarray:
    volume = volume_so_far(bars)
    average = volume_so_far(bars, "notional") / np.where(volume > 0, volume, np.nan)
    return exact(bars["close"]) / average - 1


@oracle("mfi_14")
@each_series
def mfi(name: str, bars: Series) -> np.ndarray:
    typical = (exact(bars["high"]) + exact(bars["low"]) + exact(bars["close"])) / 3
    change = without_ties(typical - before(typical), typical)
    flow = typical * bars["volume"]
    into = trailing(np.where(change > 0, flow, np.where(np.isnan(change), np.nan, 0)), 14).sum(axis=1)
    out_of = trailing(np.where(change < 0, flow, np.where(np.isnan(change), np.nan, 0)), 14).sum(axis=1)
    defined = into + out_of > 0
    ours = np.where(defined, 100 * into / np.where(defined, into + out_of, np.nan), np.nan)
    ticks = (whole_ticks(bars[field]) for field in ("high", "low", "close"))
    return agrees(ours, talib.MFI(*ticks, bars["volume"], 14), 0.01)  # its sums keep a rest of what left


def closing_place(name: str, market: Market) -> np.ndarray:
    """Bound the place of a close in its bar: prices carry their rounding, which a narrow bar magnifies."""
    return 4 * EPS * market.bars.close / narrowest("", market)


@each_series
def narrowest(name: str, bars: Series) -> np.ndarray:
    spans = without_ties(bars["high"] - bars["low"], bars["high"])
    return np.nanmin(trailing(np.where(spans > 0, spans, np.inf), 20), axis=1)


@oracle("cmf_20", bound=closing_place)
@each_series
def cmf(name: str, bars: Series) -> np.ndarray:
    high, low, close = (exact(bars[field]) for field in ("high", "low", "close"))
    span = without_ties(high - low, high)
    place = np.where(span > 0, (2 * close - high - low) / np.where(span > 0, span, 1), 0)
    flow = trailing(place * bars["volume"], 20).sum(axis=1)
    volume = trailing(bars["volume"], 20).sum(axis=1)
    return np.where(volume > 0, flow / np.where(volume > 0, volume, np.nan), np.nan)


@oracle("doji", bound=lambda name, market: 10 * closing_place(name, market))
@each_series
def doji(name: str, bars: Series) -> np.ndarray:
    opened, high, low, close = (exact(bars[field]) for field in ("open", "high", "low", "close"))
    share = np.abs(close - opened) / np.where(high - low > TIE * high, high - low, np.nan)
    return np.maximum(1 - 10 * share, 0)


@oracle("engulfing")
@each_series
def engulfing(name: str, bars: Series) -> np.ndarray:
    pattern = talib.CDLENGULFING(*(whole_ticks(bars[field]) for field in ("open", "high", "low", "close"))) / 100
    return np.where(np.arange(len(pattern)) >= 2, pattern, np.nan)
