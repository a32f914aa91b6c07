"""Oracles of directions: counted a window."""

from __future__ import annotations

import numpy as np

from tests.oracles.registry import each_series, oracle
from tests.oracles.statistical import TIE, Series, returns_of
from tests.oracles.technical import number
from tests.oracles.windows import log_returns, trailing


@oracle("zero_crossing_rate_20", "zero_crossing_rate_60")
@each_series
def zero_crossings(name: str, bars: Series) -> np.ndarray:
    window = number(name)

    def rate(returns: np.ndarray) -> float:
        signs = np.sign(returns[np.abs(returns) > TIE])
        return np.nan if np.isnan(returns).any() else float((signs[1:] != signs[:-1]).sum()) / (window - 1)

    return np.array([rate(row) for row in returns_of(bars, window)])


@oracle("up_share_20", "up_share_60")
@each_series
def up_share(name: str, bars: Series) -> np.ndarray:
    returns = returns_of(bars, number(name))
    return np.where(np.isnan(returns).any(axis=1), np.nan, (returns > TIE).mean(axis=1))


@oracle("streak_60")
@each_series
def streak(name: str, bars: Series) -> np.ndarray:
    returns = log_returns(bars["close"])
    signs = np.where(np.abs(returns) <= TIE, 0, np.sign(returns))
    result = np.full(len(signs), np.nan)
    for k in range(1, len(signs)):
        back = 0
        while back < 60 and k - back >= 1 and signs[k - back] == signs[k] != 0:
            back += 1
        result[k] = back * signs[k]
    return result


@oracle("permutation_entropy_60")
@each_series
def permutation_entropy(name: str, bars: Series) -> np.ndarray:
    closes = trailing(bars["close"], 3)
    lower = [closes[:, a] <= closes[:, b] * (1 + TIE) for a, b in ((0, 1), (1, 2), (0, 2))]
    order = trailing(lower[0] * 4 + lower[1] * 2 + lower[2], 58)
    counts = np.array([(order == code).sum(axis=1) for code in range(8)])
    shares = counts / np.longdouble(58)
    entropy = -(shares * np.log(np.where(counts > 0, shares, 1))).sum(axis=0) / np.log(np.longdouble(6))
    entropy[:59] = np.nan
    return entropy
