"""Internal bar strength by its definition, a window at a time and in long double. The laws find this module by name."""

from __future__ import annotations

import numpy as np

from features.ties import TIE
from tests.oracles.registry import Market, each_series, oracle
from tests.oracles.windows import EPS, exact, trailing

COLUMNS = {"internal_bar_strength": 1, "internal_bar_strength_10": 10}


def bound(name: str, market: Market) -> float:
    """Allow what the sum of a window's shares, each at most 1, is rounded by: half a last bit of it an addition."""
    return COLUMNS[name] ** 2 * EPS


@oracle(*COLUMNS, bound=bound)
@each_series
def strength(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    """Return the mean of the strengths that the last bars have, NaN where none has."""
    high, low, close = (exact(bars[field]) for field in ("high", "low", "close"))
    spread = high - low
    has_range = spread > TIE * high
    each = np.where(has_range, (close - low) / np.where(has_range, spread, 1), np.nan)
    window = COLUMNS[name]
    result = [np.mean(row[~np.isnan(row)]) if (~np.isnan(row)).any() else np.nan for row in trailing(each, window)]
    return np.where(np.arange(len(close)) >= window - 1, result, np.nan).astype(np.float64)
