"""Oracles of the oscillators of the bars' ranges: defined in long double, held to TA-Lib where it has them."""

from __future__ import annotations

import numpy as np
import talib

from tests.oracles.registry import Market, each_series, oracle
from tests.oracles.technical import (
    DIED_AWAY,
    Series,
    average_contrast,
    true_range,
    whole_ticks,
    wilder_sum,
    without_ties,
)
from tests.oracles.windows import EPS, agrees, before, exact, smoothed, trailing


def movements(bars: Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the smoothed sums of rises, falls and true ranges, the last NaN where none is left."""
    high, low, close = (exact(bars[field]) for field in ("high", "low", "close"))
    rise, fall = without_ties(high - before(high), close), without_ties(before(low) - low, close)
    contrast = without_ties(rise - fall, close)
    plus = wilder_sum(np.where((rise > 0) & (contrast > 0), rise, 0))
    minus = wilder_sum(np.where((fall > 0) & (contrast < 0), fall, 0))
    moved = wilder_sum(without_ties(true_range(bars), close))
    return plus, minus, np.where(moved > DIED_AWAY * close, moved, np.nan)


@oracle("dx_14", "adxr_14", bound=lambda name, market: 1e4 * DIED_AWAY + 100 * 60 * EPS)
@each_series
def contrast(name: str, bars: Series) -> np.ndarray:
    """Rises and falls may cancel; each is a sum that has been rounded some 60 times since it mattered."""
    plus, minus, moved = movements(bars)
    if name == "dx_14":
        ours = np.where(np.isnan(moved), np.nan, 100 * np.abs(plus - minus)) / np.where(
            plus + minus > 0, plus + minus, np.nan
        )
    else:
        average = np.where(np.isnan(moved), np.nan, average_contrast(plus, minus))
        ours = (average + before(average, 13)) / 2
    function = talib.DX if name == "dx_14" else talib.ADXR
    return agrees(ours, function(*(whole_ticks(bars[field]) for field in ("high", "low", "close")), 14), 1e-4)


@oracle("momentum_atr_10", bound=lambda name, market: 140 * (14 * 4 * EPS + DIED_AWAY))
@each_series
def momentum(name: str, bars: Series) -> np.ndarray:
    """The sum of ranges is rounded at each bar, and remembers 14 of them."""
    agrees(exact(bars["close"]) - before(bars["close"], 10), talib.MOM(bars["close"], 10), 1e-7)
    return 14 * (exact(bars["close"]) - before(bars["close"], 10)) / movements(bars)[2]


def ranges_condition(name: str, market: Market) -> np.ndarray:
    """Bound a sum of moves over a sum of ranges: a lap's roundings of the largest, which a narrow one magnifies."""
    narrow, wide = narrowest_sum("", market), widest_sum("", market)
    return 100 * 4 * 28 * EPS * wide / np.where(narrow > 0, narrow, np.inf)


@each_series
def narrowest_sum(name: str, bars: Series) -> np.ndarray:
    return trailing(true_range(bars), 7).sum(axis=1)


@each_series
def widest_sum(name: str, bars: Series) -> np.ndarray:
    return np.fmax.reduce(trailing(np.nan_to_num(true_range(bars)), 56), axis=1) * 28


def some(ranges: np.ndarray, close: np.ndarray) -> np.ndarray:
    """Return sums of ranges, NaN where there are none."""
    return np.where(ranges > 1e-12 * close, ranges, np.nan)


@oracle("vortex_plus_14", "vortex_minus_14", bound=ranges_condition)
@each_series
def vortex(name: str, bars: Series) -> np.ndarray:
    high, low = exact(bars["high"]), exact(bars["low"])
    moves = np.abs(high - before(low)) if name == "vortex_plus_14" else np.abs(low - before(high))
    return trailing(moves, 14).sum(axis=1) / some(trailing(true_range(bars), 14).sum(axis=1), bars["close"])


@oracle("ultimate_oscillator_7_14_28", bound=ranges_condition)
@each_series
def ultimate(name: str, bars: Series) -> np.ndarray:
    pressure = exact(bars["close"]) - np.minimum(exact(bars["low"]), before(bars["close"]))
    a, b, c = (
        trailing(pressure, w).sum(axis=1) / some(trailing(true_range(bars), w).sum(axis=1), bars["close"])
        for w in (7, 14, 28)
    )
    ours = 100 * (4 * a + 2 * b + c) / 7
    agrees(ours, talib.ULTOSC(*(whole_ticks(bars[field]) for field in ("high", "low", "close")), 7, 14, 28), 1e-3)
    return ours


def channel_condition(name: str, market: Market) -> np.ndarray:
    """Bound CCI: typical prices and means are rounded, which a small mean deviation magnifies, as it does CCI."""
    deviation = mean_deviation_of("", market)
    index = np.abs(np.nan_to_num(cci("cci_20", market)))
    return 8 * EPS * market.bars.close / np.where(deviation > 0, deviation, np.inf) * (1 / 0.015 + index)


def typical(bars: Series) -> np.ndarray:
    return (exact(bars["high"]) + exact(bars["low"]) + exact(bars["close"])) / 3


@each_series
def mean_deviation_of(name: str, bars: Series) -> np.ndarray:
    window = trailing(typical(bars), 20)
    return np.abs(window - window.mean(axis=1, keepdims=True)).mean(axis=1)


@oracle("cci_20", bound=channel_condition)
@each_series
def cci(name: str, bars: Series) -> np.ndarray:
    window = trailing(typical(bars), 20)
    mean = window.mean(axis=1)
    deviation = some(np.abs(window - mean[:, None]).mean(axis=1), typical(bars))
    ours = (typical(bars) - mean) / (np.longdouble(15) / 1000 * deviation)
    ticks = (whole_ticks(bars[field]) for field in ("high", "low", "close"))
    return agrees(ours, talib.CCI(*ticks, 20), 1e-2)  # its float64 means are short at 60,000 with ticks of 0.0001


@oracle("mass_index_25", bound=lambda name, market: 25 * 100 * EPS)
@each_series
def mass_index(name: str, bars: Series) -> np.ndarray:
    """A ratio of averages of the same ranges is at most 9; 25 of them slide through a sum for a lap."""
    once = smoothed(without_ties(exact(bars["high"]) - bars["low"], bars["close"]), 9, 1 / np.longdouble(5))
    twice = smoothed(once, 9, 1 / np.longdouble(5), first=8)
    left = twice > DIED_AWAY * bars["close"]
    return trailing(np.where(left, once / np.where(left, twice, 1), np.nan), 25).sum(axis=1)
