"""Oracles of the places among extremes: defined in long double, held to TA-Lib where it has them."""

from __future__ import annotations

import numpy as np
import talib

from tests.oracles.registry import each_series, oracle
from tests.oracles.technical import (
    Series,
    whole_ticks,
)
from tests.oracles.windows import agrees, trailing


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
