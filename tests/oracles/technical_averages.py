"""Oracles of the moving averages: each from its definition in long double, held to TA-Lib where it has the function."""

from __future__ import annotations

import math

import numpy as np
import talib

from tests.oracles.registry import each_series, oracle
from tests.oracles.technical import Series, number, two_price_roundings, whole_ticks, without_ties
from tests.oracles.windows import EPS, agrees, before, exact, smoothed, trailing

SPANS = (5, 10, 20, 50)


def chain(values: np.ndarray, span: int, stages: int) -> list[np.ndarray]:
    """Return the EMA, the EMA of the EMA and so on, each seeded with the mean of its first inputs."""
    averages = []
    for stage in range(stages):
        values = smoothed(values, span, 2 / np.longdouble(span + 1), first=stage * (span - 1))
        averages.append(values)
    return averages


@oracle("ema_ratio_5", "ema_ratio_100", "ema_ratio_200", bound=two_price_roundings)
@oracle(*(f"{kind}_ratio_{span}" for kind in ("dema", "tema", "t3") for span in SPANS), bound=two_price_roundings)
@each_series
def recursive_ratio(name: str, bars: Series) -> np.ndarray:
    close, span, kind = bars["close"], number(name), name.split("_")[0]
    average = {"ema": ema, "dema": dema, "tema": tema, "t3": t3}[kind](close, span)
    if len(close) > 6 * span:
        agrees(average / exact(close), getattr(talib, kind.upper())(close, span) / close, 1e-11)
    return exact(close) / average - 1


def ema(close: np.ndarray, span: int) -> np.ndarray:
    return chain(close, span, 1)[0]


def dema(close: np.ndarray, span: int) -> np.ndarray:
    one, two = chain(close, span, 2)
    return 2 * one - two


def tema(close: np.ndarray, span: int) -> np.ndarray:
    one, two, three = chain(close, span, 3)
    return 3 * (one - two) + three


def t3(close: np.ndarray, span: int) -> np.ndarray:
    _, _, three, four, five, six = chain(close, span, 6)
    v = np.longdouble(7) / 10
    return (
        (1 + v) ** 3 * three - 3 * v * (1 + v) ** 2 * four + 3 * v**2 * (1 + v) * five - v**3 * six
    )  # (1 + v) f - v f(f), three times over, f the EMA of an EMA


@oracle("trix_20", bound=lambda name, market: 200 * EPS)
@each_series
def trix(name: str, bars: Series) -> np.ndarray:
    third = chain(bars["close"], 20, 3)[2]
    ours = 100 * (third / before(third) - 1)
    return agrees(ours, talib.TRIX(bars["close"], 20), 1e-9) if len(ours) > 60 else ours


@oracle("trix_signal_20_9", bound=lambda name, market: 200 * EPS)
@each_series
def trix_signal(name: str, bars: Series) -> np.ndarray:
    return smoothed(trix_of(bars), 9, 2 / np.longdouble(10), first=58)


def trix_of(bars: Series) -> np.ndarray:
    third = chain(bars["close"], 20, 3)[2]
    return 100 * (third / before(third) - 1)


def weighted(values: np.ndarray, window: int) -> np.ndarray:
    """Return the mean with weights `window` for the last value to 1 for the first."""
    weights = np.arange(1, window + 1)
    return (trailing(values, window) * weights).sum(axis=1) / weights.sum()


@each_series
def sliding(name: str, bars: Series) -> np.ndarray:
    """Bound an average that slides: a lap's roundings of a sum of w deviations, twice over where it is weighted.

    A sum of w deviations, none beyond the closes' spread, is rounded w times a lap by at most w * spread * EPS, and
    the weighted sum takes up to w of these errors: at most 2 w EPS spread of the average. Hull's takes two such.
    """
    close, window = bars["close"], number(name)
    seen = trailing(np.pad(close, (2 * window, 0), mode="edge"), 2 * window + 8)[2 * window :]
    spread = np.nanmax(seen, axis=1) - np.nanmin(seen, axis=1)
    return 2 * EPS + 6 * window * EPS * spread / close


@oracle("sma_ratio_100", "sma_ratio_200", bound=sliding)
@oracle(*(f"wma_ratio_{window}" for window in (*SPANS, 100, 200)), bound=sliding)
@each_series
def windowed_ratio(name: str, bars: Series) -> np.ndarray:
    close, window, kind = bars["close"], number(name), name.split("_")[0]
    mean = weighted(close, window) if kind == "wma" else trailing(close, window).mean(axis=1)
    agrees(mean / exact(close), getattr(talib, kind.upper())(close, window) / close, 1e-9)
    return exact(close) / mean - 1


@oracle(*(f"hma_ratio_{window}" for window in SPANS), bound=sliding)
@each_series
def hull_ratio(name: str, bars: Series) -> np.ndarray:
    close, window = bars["close"], number(name)
    raw = 2 * weighted(close, window // 2) - weighted(close, window)
    return exact(close) / weighted(raw, math.isqrt(window)) - 1


def kaufman(close: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return KAMA, its efficiency ratio and the share of the way to the close that each bar goes."""
    moves = np.abs(without_ties(close - before(close), close))
    path, net = trailing(moves, window).sum(axis=1), np.abs(close - before(close, window))
    flat = path <= 0
    efficiency = np.where(flat, 1, np.minimum(net / np.where(flat, 1, path), 1))
    share = (efficiency * (np.longdouble(2) / 3 - np.longdouble(2) / 31) + np.longdouble(2) / 31) ** 2
    average = np.full(len(close), np.longdouble("nan"))
    last = close[window - 1] if len(close) > window else 0
    for row in range(window, len(close)):
        last += share[row] * (close[row] - last)
        average[row] = last
    return average, path, share


@each_series
def kaufman_condition(name: str, bars: Series) -> np.ndarray:
    """Bound KAMA: the path carries a lap's roundings of the largest path, which a short one magnifies.

    The efficiency ratio is off by rel = 2 w EPS * largest / path, the share of the way by at most
    2 * sqrt(share) * 0.61 * rel, and the average takes that share of its distance on top of what is left of its own
    error; each bar's move adds a rounding of the price.
    """
    close, window = exact(bars["close"]), number(name)
    average, path, share = kaufman(close, window)
    bound, error = np.zeros(len(close)), np.longdouble(0)
    largest = np.nanmax(trailing(np.nan_to_num(path), 2 * window), axis=1)
    for row in range(window, len(close)):
        rel = 2 * window * EPS * largest[row] / path[row] if path[row] > 0 else 0
        distance = abs(close[row] - average[row]) / (1 - share[row])
        error = (1 - share[row]) * error + 2 * np.sqrt(share[row]) * rel * distance
        bound[row] = error / close[row]
    return bound + 2 * EPS


@oracle(*(f"kama_ratio_{window}" for window in (*SPANS, 100, 200)), bound=kaufman_condition)
@each_series
def kaufman_ratio(name: str, bars: Series) -> np.ndarray:
    close, window = exact(bars["close"]), number(name)
    average = kaufman(close, window)[0]
    if len(close) > window:
        agrees(average / close, talib.KAMA(whole_ticks(bars["close"]), window) / whole_ticks(bars["close"]), 1e-9)
    return close / average - 1
