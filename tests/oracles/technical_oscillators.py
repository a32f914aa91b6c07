"""Oracles of the oscillators of the close: defined in long double, held to TA-Lib where it has them."""

from __future__ import annotations

import numpy as np
import talib

from tests.oracles.registry import Market, each_series, oracle
from tests.oracles.technical import (
    DIED_AWAY,
    Series,
    died_away,
    number,
    whole_ticks,
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
