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
from tests.oracles.windows import EPS, agrees, before, exact, smoothed, trailing


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
