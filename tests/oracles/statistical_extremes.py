"""Oracles of highest and lowest closes: looked up a window."""

from __future__ import annotations

import numpy as np

from tests.oracles.registry import each_series, oracle
from tests.oracles.statistical import TIE, Series
from tests.oracles.statistical_moments import named
from tests.oracles.technical import number, two_price_roundings
from tests.oracles.windows import EPS, trailing


@oracle(
    *named("drawdown", (20, 60)),
    *named("run_up", (20, 60)),
    *named("bars_since_high", (20, 60)),
    *named("bars_since_low", (20, 60)),
    bound=two_price_roundings,
)
@each_series
def extremes(name: str, bars: Series) -> np.ndarray:
    closes = trailing(bars["close"], number(name))
    highest, lowest = closes.max(axis=1), closes.min(axis=1)
    if name.startswith("drawdown"):
        return (closes[:, -1] - highest) / highest
    if name.startswith("run_up"):
        return (closes[:, -1] - lowest) / lowest
    backwards = closes[:, ::-1]
    extreme = backwards >= (1 - TIE) * highest[:, None] if "high" in name else backwards * (1 - TIE) <= lowest[:, None]
    return np.where(np.isnan(highest), np.nan, np.argmax(extreme, axis=1))


@oracle("max_drawdown_60", bound=two_price_roundings)
@each_series
def max_drawdown(name: str, bars: Series) -> np.ndarray:
    closes = trailing(bars["close"], 60)
    highs = np.maximum.accumulate(closes, axis=1)
    return ((closes - highs) / highs).min(axis=1)


@each_series
def noise_of_path(name: str, bars: Series) -> np.ndarray:
    """Bound a log of path over range: the path's sum is off by EPS of what was in it for the two laps since it was new.

    A range of last bits counts as none, so each close is off by up to 1e-12 of it beside the range.
    """
    closes = trailing(bars["close"], 60)
    price, span = closes.max(axis=1), closes.max(axis=1) - closes.min(axis=1)
    return (60 * EPS * 1024 + 120 * EPS * price / np.where(span > 0, span, np.inf)) / np.log(118)


@oracle("path_dimension_60", bound=noise_of_path)
@each_series
def path_dimension(name: str, bars: Series) -> np.ndarray:
    closes = trailing(bars["close"], 60)
    span = closes.max(axis=1) - closes.min(axis=1)
    moved = span > TIE * closes[:, -1]
    path = np.abs(np.diff(closes, axis=1)).sum(axis=1)
    return 1 + np.log(path / np.where(moved, span, np.nan)) / np.log(np.longdouble(118))
