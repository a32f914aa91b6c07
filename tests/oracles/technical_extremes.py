"""Oracles of the places among extremes: defined in long double, held to TA-Lib where it has them."""

from __future__ import annotations

import numpy as np
import talib

from tests.oracles.registry import each_series, oracle
from tests.oracles.technical import (
    Series,
    whole_ticks,
)
from tests.oracles.windows import EPS, agrees, exact, trailing


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
