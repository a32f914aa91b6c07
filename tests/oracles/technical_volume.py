"""Oracles of volume columns: naive sums and means in long double, held to TA-Lib where it has the function."""

from __future__ import annotations

import numpy as np
import talib

from tests.oracles.registry import Market, each_series, oracle
from tests.oracles.technical import (
    Series,
    died_away,
    session_volume,
    sessions,
    two_price_roundings,
    volume_so_far,
    whole_ticks,
    without_ties,
)
from tests.oracles.windows import EPS, agrees, before, exact, smoothed, trailing

WINDOW, MEAN = 20, 26


def over(values: np.ndarray, total: np.ndarray) -> np.ndarray:
    return np.where(total > 0, values / np.where(total > 0, total, 1), np.nan)


def window_volume(bars: Series) -> np.ndarray:
    return trailing(bars["volume"], WINDOW)


@oracle("volume_ratio_20")
@each_series
def volume_ratio(name: str, bars: Series) -> np.ndarray:
    return over(exact(bars["volume"]) * WINDOW, window_volume(bars).sum(axis=1))


@oracle("up_volume_share_20")
@each_series
def up_volume(name: str, bars: Series) -> np.ndarray:
    change = without_ties(exact(bars["close"]) - before(bars["close"]), bars["close"])
    rising = np.where(np.isnan(change), np.nan, np.where(change > 0, bars["volume"], 0))
    return over(trailing(rising, WINDOW).sum(axis=1), window_volume(bars).sum(axis=1))


@oracle("volume_slope_20", bound=lambda name, market: 24 * EPS)
@each_series
def volume_slope(name: str, bars: Series) -> np.ndarray:
    """Bound: a sum of 20 terms with weights up to 40, over 33."""
    volumes = window_volume(bars)
    at = np.arange(WINDOW) - np.longdouble(WINDOW - 1) / 2
    slope = (volumes * at).sum(axis=1) / (at**2).sum()
    full = volumes[WINDOW - 1 :].astype(float)
    if len(full):
        library = np.polyfit(at.astype(float), full.T, 1)[0]
        agrees(slope[WINDOW - 1 :] / (1 + full.max(axis=1)), library / (1 + full.max(axis=1)), 1e-12)
    return over(slope, volumes.mean(axis=1))


@oracle("vwma_ratio_20", bound=two_price_roundings)
@each_series
def vwma(name: str, bars: Series) -> np.ndarray:
    volumes = window_volume(bars)
    average = over((volumes * trailing(bars["close"], WINDOW)).sum(axis=1), volumes.sum(axis=1))
    return exact(bars["close"]) / average - 1


def heard(values: np.ndarray, bars: Series) -> np.ndarray:
    """Return values where any of the last 26 bars had volume; before the 26th there is no mean volume."""
    volume = trailing(bars["volume"], MEAN).sum(axis=1)
    return np.where(volume > 0, values, np.nan)


def mean_volume(bars: Series) -> np.ndarray:
    mean = smoothed(bars["volume"], MEAN, np.longdouble(2) / (MEAN + 1))
    return np.where(mean > 0, mean, np.nan)


def largest_so_far(bars: Series) -> np.ndarray:
    return np.maximum.accumulate(bars["volume"])


@oracle("pvo_12_26", bound=lambda name, market: 100 * mean_roundings("", market))
@each_series
def pvo(name: str, bars: Series) -> np.ndarray:
    slow = mean_volume(bars)
    ours = 100 * (smoothed(bars["volume"], 12, np.longdouble(2) / 13) - slow) / slow
    if len(slow) > MEAN:
        sound = heard(np.ones(len(slow)), bars)
        agrees(ours * sound, talib.PPO(bars["volume"], 12, 26, 1), 1e-6)
    return heard(ours, bars)


@each_series
def roundings(name: str, bars: Series) -> np.ndarray:
    return heard(largest_so_far(bars) / mean_volume(bars), bars)


def mean_roundings(name: str, market: Market) -> np.ndarray:
    """Bound a mean of signed volume over the mean volume: half an ulp of the largest so far at each of the up to 28
    bars that stand in it."""
    return died_away("", market) + 28 * EPS * np.nan_to_num(roundings("", market))


@each_series
def narrowest_so_far(name: str, bars: Series) -> np.ndarray:
    spans = without_ties(bars["high"] - bars["low"], bars["high"])
    return np.minimum.accumulate(np.where(spans > 0, spans, np.inf))


def accumulated_places(name: str, market: Market) -> np.ndarray:
    """Bound Chaikin's oscillator: each close's place in its bar carries the rounding of prices over the range, and
    weighs up to 24 times what its volume weighs in the mean volume."""
    places = 4 * EPS * market.bars.close / narrowest_so_far("", market)
    return mean_roundings("", market) + 24 * places


def money_flow(bars: Series) -> np.ndarray:
    high, low, close = (exact(bars[field]) for field in ("high", "low", "close"))
    span = without_ties(high - low, high)
    return np.where(span > 0, (2 * close - high - low) / np.where(span > 0, span, 1), 0) * bars["volume"]


@oracle("chaikin_oscillator_3_10", bound=accumulated_places)
@each_series
def chaikin_oscillator(name: str, bars: Series) -> np.ndarray:
    line = np.cumsum(money_flow(bars))
    ours = smoothed(line, 1, 1 / 2) - smoothed(line, 1, np.longdouble(2) / 11)
    prices = [whole_ticks(bars[field]) for field in ("high", "low", "close")]
    if len(line) > 10:
        most = max(bars["volume"].sum(), 1.0)
        agrees(ours / most, talib.ADOSC(*prices, bars["volume"], 3, 10) / most, 1e-5)
    return heard(ours / mean_volume(bars), bars)


@oracle("force_index_13", bound=mean_roundings)
@each_series
def force_index(name: str, bars: Series) -> np.ndarray:
    force = (exact(bars["close"]) - before(bars["close"])) * bars["volume"]
    mean = smoothed(force, 13, np.longdouble(1) / 7, first=1)
    if len(force) > 14:
        most = max(np.nanmax(np.abs(force)), 1e-300)
        agrees(mean / most, talib.EMA(force.astype(float), 13) / most, 1e-12)
    return heard(mean / bars["close"] / mean_volume(bars), bars)


def ease_parts(bars: Series) -> np.ndarray:
    """Return move of the middle * range / volume of each bar, 0 without volume."""
    high, low, volume = exact(bars["high"]), exact(bars["low"]), bars["volume"]
    middle = (high + low) / 2
    return np.where(volume > 0, (middle - before(middle)) * (high - low) / np.where(volume > 0, volume, 1), 0)


@each_series
def ease_terms(name: str, bars: Series) -> np.ndarray:
    """Sum what each bar's ease may be wrong by: the rounding of prices in its move and range, and of the sum."""
    high, low, volume, close = exact(bars["high"]), exact(bars["low"]), bars["volume"], bars["close"]
    moved = np.abs(high - before(high)) + np.abs(low - before(low)) + 4 * EPS * close
    each = np.where(volume > 0, (4 * EPS * close * (high - low + moved)) / np.where(volume > 0, volume, 1), 0)
    total = trailing(each + 14 * EPS * np.abs(ease_parts(bars)), 14).sum(axis=1)
    return np.nan_to_num((total * mean_volume(bars) / exact(close) ** 2).astype(float))


@oracle("ease_of_movement_14", bound=ease_terms)
@each_series
def ease(name: str, bars: Series) -> np.ndarray:
    mean = trailing(ease_parts(bars), 14).mean(axis=1)
    return heard(mean * mean_volume(bars) / exact(bars["close"]) ** 2, bars)


def sums_of_session(name: str, market: Market) -> np.ndarray:
    """Bound a sum since the session's start: each bar rounds it, and each term carries the rounding of prices."""
    places = 4 * EPS * market.bars.close / narrowest_so_far("", market) if name == "ad_line" else 4 * EPS
    return session_volume("", market) * (EPS * market.bars.session_bar + places)


@oracle("ad_line", bound=sums_of_session)
@each_series
def ad_line(name: str, bars: Series) -> np.ndarray:
    parts, flow = [], money_flow(bars)
    for rows in sessions(bars):
        line, prices = np.cumsum(flow[rows]), [whole_ticks(bars[field][rows]) for field in ("high", "low", "close")]
        most = max(bars["volume"][rows].sum(), 1.0)
        parts.append(agrees(line / most, talib.AD(*prices, bars["volume"][rows]) / most, 1e-5) * most)
    return np.where(volume_so_far(bars) > 0, np.concatenate(parts), np.nan)


@oracle("price_volume_trend", bound=sums_of_session)
@each_series
def price_volume_trend(name: str, bars: Series) -> np.ndarray:
    close, parts = exact(bars["close"]), []
    for rows in sessions(bars):
        change = np.concatenate([[0], close[rows[1:]] / close[rows[:-1]] - 1])
        parts.append(np.cumsum(change * bars["volume"][rows]))
    return np.where(volume_so_far(bars) > 0, np.concatenate(parts), np.nan)
