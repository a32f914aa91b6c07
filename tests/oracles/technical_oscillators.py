"""Oracles of the oscillators: each from its definition in long double, held to TA-Lib where it has the function."""

from __future__ import annotations

import numpy as np
import talib

from tests.oracles.registry import Market, each_series, oracle
from tests.oracles.technical import (
    DIED_AWAY,
    Series,
    average_contrast,
    died_away,
    number,
    true_range,
    whole_ticks,
    wilder_sum,
    without_ties,
)
from tests.oracles.windows import EPS, agrees, before, exact, log_returns, smoothed, trailing


def changes(bars: Series) -> np.ndarray:
    close = exact(bars["close"])
    return without_ties(close - before(close), close)


def strength_index(change: np.ndarray, window: int, beside: np.ndarray | float) -> np.ndarray:
    """Return the RSI of changes that begin with the second row."""
    gain = smoothed(np.maximum(change, 0), window, 1 / np.longdouble(window), first=1)
    moved = smoothed(np.abs(change), window, 1 / np.longdouble(window), first=1)
    return 100 * gain / np.where(moved > DIED_AWAY * beside, moved, np.nan)


@oracle("rsi_7", "rsi_21", bound=died_away)
@each_series
def rsi(name: str, bars: Series) -> np.ndarray:
    ours = strength_index(changes(bars), number(name), bars["close"])
    return agrees(ours, talib.RSI(whole_ticks(bars["close"]), number(name)), 1e-4)


def rank_condition(name: str, market: Market) -> np.ndarray:
    """Bound StochRSI: the RSIs carry a few roundings of 100, which a narrow span of them magnifies.

    Each bar rounds gain and loss by EPS of themselves (what was remembered before decays by 13 / 14 with them), so
    that an RSI is off by at most 14 * 4 * 100 EPS.
    """
    span = rsi_span("", market)
    return 2 * 100 * 5_600 * EPS / np.where(span > 0, span, np.inf)


@each_series
def rsi_span(name: str, bars: Series) -> np.ndarray:
    spans = np.ptp(trailing(strength_index(changes(bars), 14, bars["close"]), 14), axis=1)
    return np.fmin.reduce(trailing(np.where(spans > 1e-9, spans, np.inf), 3), axis=1)


@oracle("stoch_rsi_k_14", "stoch_rsi_d_14_3", bound=rank_condition)
@each_series
def stoch_rsi(name: str, bars: Series) -> np.ndarray:
    value = strength_index(changes(bars), 14, bars["close"])
    window = trailing(value, 14)
    lowest, span = window.min(axis=1), np.ptp(window, axis=1)
    place = 100 * (value - lowest) / np.where(span > 1e-9, span, np.nan)
    ours = place if name == "stoch_rsi_k_14" else trailing(place, 3).mean(axis=1)
    library = talib.STOCHRSI(whole_ticks(bars["close"]), 14, 14, 3)[name != "stoch_rsi_k_14"]
    wide = np.fmin.reduce(trailing(np.where(np.isnan(span), 0, span), 3), axis=1) > 1e-3
    agrees(ours[wide], library[wide], 0.1)
    return ours


def path_condition(name: str, market: Market) -> np.ndarray:
    """Bound a change over a path: it carries a lap's roundings of the largest one, which a short one magnifies.

    The change has what the ties on its way leave out: of 14 moves, each an EPS of the price.
    """
    path, largest = path_of("", market), largest_path("", market)
    return 100 * 14 * EPS * (4 * largest + market.bars.close) / np.where(path > 0, path, np.inf)


@each_series
def path_of(name: str, bars: Series) -> np.ndarray:
    return trailing(np.abs(changes(bars)), 14).sum(axis=1)


@each_series
def largest_path(name: str, bars: Series) -> np.ndarray:
    return np.fmax.reduce(trailing(trailing(np.abs(changes(bars)), 14).sum(axis=1), 28), axis=1)


@oracle("cmo_14", bound=path_condition)
@each_series
def cmo(name: str, bars: Series) -> np.ndarray:
    window = trailing(changes(bars), 14)
    rises, falls = np.maximum(window, 0).sum(axis=1), np.maximum(-window, 0).sum(axis=1)
    return 100 * (rises - falls) / np.where(rises + falls > 0, rises + falls, np.nan)


def strength_of(bars: Series) -> np.ndarray:
    close = bars["close"]

    def twice(moves: np.ndarray) -> np.ndarray:
        return smoothed(smoothed(moves, 25, 2 / np.longdouble(26), first=1), 13, 2 / np.longdouble(14), first=25)

    moved = twice(np.abs(changes(bars)))
    return 100 * twice(changes(bars)) / np.where(moved > DIED_AWAY * close, moved, np.nan)


@oracle("tsi_25_13", bound=lambda name, market: 1e4 * DIED_AWAY + 100 * 150 * EPS)
@each_series
def tsi(name: str, bars: Series) -> np.ndarray:
    """Where changes cancel, their average keeps the roundings of the moves: EPS of them, for some 150 bars."""
    return strength_of(bars)


@oracle("tsi_signal_25_13_7", bound=lambda name, market: 1e4 * DIED_AWAY + 100 * 150 * EPS)
@each_series
def tsi_signal(name: str, bars: Series) -> np.ndarray:
    strength = strength_of(bars)
    defined = ~np.isnan(strength)
    result = np.full(len(strength), np.longdouble("nan"))
    result[defined] = smoothed(strength[defined], 7, 2 / np.longdouble(8))
    return result


@oracle("connors_rsi_3_2_100", bound=died_away)
@each_series
def connors_rsi(name: str, bars: Series) -> np.ndarray:
    change, returns = changes(bars), log_returns(bars["close"])
    streak = np.zeros(len(change))
    for row in range(1, len(change)):
        sign = np.sign(change[row])
        streak[row] = sign + (streak[row - 1] if sign * streak[row - 1] > 0 else 0) if sign else 0
    agrees(strength_index(exact(streak) - before(streak), 2, 1.0), talib.RSI(streak, 2), 1e-6)
    window = trailing(returns, 101)
    rank = (window[:, :-1] < window[:, -1:] - 1e-14).sum(axis=1)
    parts = strength_index(change, 3, bars["close"]) + strength_index(exact(streak) - before(streak), 2, 1.0) + rank
    return np.where(np.isnan(window).any(axis=1), np.nan, parts / 3)


def rate(close: np.ndarray, lag: int) -> np.ndarray:
    """Return the change over `lag` bars, percent."""
    return 100 * (exact(close) / before(close, lag) - 1)


@oracle("roc_10", bound=lambda name, market: 200 * EPS)
@each_series
def roc(name: str, bars: Series) -> np.ndarray:
    return agrees(rate(bars["close"], 10), talib.ROC(bars["close"], 10), 1e-10)


@oracle("dpo_ratio_20", bound=lambda name, market: 4 * EPS)
@each_series
def detrended(name: str, bars: Series) -> np.ndarray:
    close = bars["close"]
    ours = before(close, 11) / trailing(close, 20).mean(axis=1) - 1
    return agrees(ours, before(close, 11) / talib.SMA(close, 20) - 1, 1e-10)


def rates_condition(name: str, market: Market) -> np.ndarray:
    """Bound averages of rates: a lap's roundings of a sum of some 15 rates, weighted by up to 10."""
    return 100 * EPS + 2 * 15 * 15 * 10 * EPS * largest_rate("", market)


@each_series
def largest_rate(name: str, bars: Series) -> np.ndarray:
    rates = [np.abs(rate(bars["close"], lag)) for lag in (10, 11, 14, 15, 20, 30)]
    return np.fmax.reduce(trailing(np.fmax.reduce(rates, axis=0), 60), axis=1)


@oracle("coppock", bound=rates_condition)
@each_series
def coppock(name: str, bars: Series) -> np.ndarray:
    close = bars["close"]
    ours = trailing(rate(close, 14) + rate(close, 11), 10) @ np.arange(1, 11) / np.longdouble(55)
    if len(close) > 24:
        agrees(ours[14:], talib.WMA((talib.ROC(close, 14) + talib.ROC(close, 11))[14:], 10), 1e-9)
    return ours


def know_sure_thing(close: np.ndarray) -> np.ndarray:
    parts = ((10, 10), (15, 10), (20, 10), (30, 15))
    return sum((j + 1) * trailing(rate(close, r), s).mean(axis=1) for j, (r, s) in enumerate(parts))


@oracle("kst", bound=rates_condition)
@each_series
def kst(name: str, bars: Series) -> np.ndarray:
    return know_sure_thing(bars["close"])


@oracle("kst_signal_9", bound=rates_condition)
@each_series
def kst_signal(name: str, bars: Series) -> np.ndarray:
    return trailing(know_sure_thing(bars["close"]), 9).mean(axis=1)


@oracle("ppo_5_35", "ppo_signal_5_35_5", "ppo_histogram_5_35_5", bound=lambda name, market: 400 * EPS)
@each_series
def ppo(name: str, bars: Series) -> np.ndarray:
    close = bars["close"]
    slow = smoothed(close, 35, 2 / np.longdouble(36))
    line = 100 * (smoothed(close, 5, 2 / np.longdouble(6)) / slow - 1)
    if len(close) > 35:
        agrees(line, talib.PPO(close, 5, 35, 1), 1e-9)
    signal = smoothed(line, 5, 2 / np.longdouble(6), first=34)
    return {"ppo_5_35": line, "ppo_signal_5_35_5": signal, "ppo_histogram_5_35_5": line - signal}[name]


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


@oracle("awesome_oscillator_ratio", bound=lambda name, market: 8 * EPS)
@each_series
def awesome(name: str, bars: Series) -> np.ndarray:
    middle = (exact(bars["high"]) + exact(bars["low"])) / 2
    ours = (trailing(middle, 5).mean(axis=1) - trailing(middle, 34).mean(axis=1)) / exact(bars["close"])
    library = talib.SMA(middle.astype(float), 5) - talib.SMA(middle.astype(float), 34)
    return agrees(ours, library / bars["close"], 1e-10)


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


@oracle("aroon_up_14", "aroon_down_14", "aroon_oscillator_14")
@each_series
def aroon(name: str, bars: Series) -> np.ndarray:
    high, low = trailing(bars["high"], 15)[:, ::-1], trailing(bars["low"], 15)[:, ::-1]
    tie = 1e-12 * bars["high"][:, None]
    high_ago = (high >= high.max(axis=1, keepdims=True) - tie).argmax(axis=1)
    low_ago = (low <= low.min(axis=1, keepdims=True) + tie).argmax(axis=1)
    up, down = 100 * (14 - high_ago) / 14, 100 * (14 - low_ago) / 14
    ours = {"aroon_up_14": up, "aroon_down_14": down, "aroon_oscillator_14": up - down}[name]
    ours = np.where(np.arange(len(ours)) >= 14, ours, np.nan)
    ticks = (whole_ticks(bars["high"]), whole_ticks(bars["low"]))
    library = (*talib.AROON(*ticks, 14)[::-1], talib.AROONOSC(*ticks, 14))
    return agrees(ours, library[("aroon_up_14", "aroon_down_14", "aroon_oscillator_14").index(name)], 1e-9)


def transformed(bars: Series) -> tuple[np.ndarray, np.ndarray]:
    """Return Fisher's transform and what roundings may do to it.

    A place is off by 4 EPS price / span; the average keeps 0.67 of its error and takes 0.66 of that; the logarithm
    magnifies it by 1 / (1 - x^2).
    """
    middle = exact(bars["high"]) + exact(bars["low"])
    window = trailing(middle, 10)
    lowest, span = window.min(axis=1), np.ptp(window, axis=1)
    values, bounds = (np.full(len(middle), np.longdouble("nan")) for _ in "vb")
    x = fisher = error = bound = np.longdouble(0)
    for row in np.flatnonzero(span > 1e-12 * window.max(axis=1)):
        x = np.longdouble("0.66") * ((middle[row] - lowest[row]) / span[row] - 0.5) + np.longdouble("0.67") * x
        x = np.clip(x, -np.longdouble("0.999"), np.longdouble("0.999"))
        error = 0.66 * 4 * EPS * middle[row] / span[row] + 0.67 * error + 4 * EPS
        fisher = (np.log1p(x) - np.log1p(-x) + fisher) / 2
        bound = error / (1 - x * x) + bound / 2
        values[row], bounds[row] = fisher, bound
    return values, bounds


@each_series
def fisher_condition(name: str, bars: Series) -> np.ndarray:
    return np.nan_to_num(transformed(bars)[1])


@oracle("fisher_10", bound=fisher_condition)
@each_series
def fisher(name: str, bars: Series) -> np.ndarray:
    return transformed(bars)[0]
