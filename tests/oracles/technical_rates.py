"""Oracles of the rates of change and of PPO: defined in long double, held to TA-Lib where it has them."""

from __future__ import annotations

import numpy as np
import talib

from tests.oracles.registry import Market, each_series, oracle
from tests.oracles.technical import (
    Series,
)
from tests.oracles.windows import EPS, agrees, before, exact, smoothed, trailing


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
