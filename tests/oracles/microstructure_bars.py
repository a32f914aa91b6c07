"""Bars-stage microstructure by its formulas, over each window afresh in long double.

Bounds: a running sum is off by some 150 roundings of the largest term of its last two laps (60 adds and 60 takes a
lap of a sum 60 terms large, over 60); what is made of it passes that on by its derivative.
"""

from __future__ import annotations

import numpy as np

from tests.oracles.registry import each_series, oracle
from tests.oracles.windows import EPS, exact, log_returns, trailing

Bars = dict[str, np.ndarray]
TIE = 1e-12


def over(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole != 0, exact(part) / np.where(whole != 0, exact(whole), 1), np.nan)


def largest(values: np.ndarray, window: int) -> np.ndarray:
    """Return the largest size of the last values, as many of them as there are."""
    return np.fmax.reduce(np.abs(trailing(values, window)), axis=1)


@oracle("bar_close_to_vwap_bps", bound=lambda name, market: 1e4 * 4 * EPS)
@each_series
def close_to_vwap(name: str, bars: Bars) -> np.ndarray:
    return 10_000 * (over(exact(bars["close"]) * exact(bars["volume"]), bars["notional"]) - 1)


@oracle("close_to_mid_bps")
@each_series
def close_to_mid(name: str, bars: Bars) -> np.ndarray:
    return 10_000 * (exact(bars["close"]) - exact(bars["mid"])) / exact(bars["mid"])


@each_series
def _two_returns(name: str, bars: Bars) -> np.ndarray:
    """Each return is good to some roundings of itself."""
    return 1e4 * 4 * EPS * np.nan_to_num(np.abs(bars["log_return"]) + np.abs(bars["reference_return"]))


@oracle("mid_less_trade_return_bps", bound=_two_returns)
@each_series
def mid_less_trade(name: str, bars: Bars) -> np.ndarray:
    return 10_000 * (log_returns(bars["mid"]) - log_returns(bars["close"]))


@oracle("bar_trade_size_mean")
@each_series
def size_mean(name: str, bars: Bars) -> np.ndarray:
    return over(bars["volume"], bars["trades"])


@oracle("turnover_per_second")
@each_series
def turnover(name: str, bars: Bars) -> np.ndarray:
    return exact(bars["notional"]) / (exact(bars["time"] - bars["start"]) / 1_000_000_000)


@oracle("quote_to_trade_ratio_20")
@each_series
def quotes_a_trade(name: str, bars: Bars) -> np.ndarray:
    return over(trailing(bars["quotes"], 20).sum(axis=1), trailing(bars["trades"], 20).sum(axis=1))


@oracle("trade_arrival_acceleration_20")
@each_series
def acceleration(name: str, bars: Bars) -> np.ndarray:
    return over(trailing(bars["trades"], 5).mean(axis=1), trailing(bars["trades"], 20).mean(axis=1))


def spreads(bars: Bars) -> np.ndarray:
    """Return the windows of 60 spreads."""
    return trailing(exact(bars["ask"]) - exact(bars["bid"]), 60)


def _z(bars: Bars) -> tuple[np.ndarray, np.ndarray]:
    values, full = spreads(bars), np.arange(len(bars["n"])) >= 59
    known = ~np.isnan(values)
    count = np.maximum(known.sum(axis=1), 1)
    mean = np.where(known, values, 0).sum(axis=1) / count
    deviation = np.sqrt(np.where(known, (values - mean[:, None]) ** 2, 0).sum(axis=1) / count)
    defined = full & (deviation > TIE * bars["mid"]) & known[:, -1]
    deviation = np.where(defined, deviation, np.nan)
    return (values[:, -1] - mean) / deviation, deviation


@each_series
def _z_bound(name: str, bars: Bars) -> np.ndarray:
    """Spreads are good to 3 roundings, their sums less an anchor to 150 of their range, that of squares likewise."""
    z, deviation = _z(bars)
    spread = bars["ask"] - bars["bid"]
    recent = trailing(spread, 120)
    apart = np.fmax.reduce(recent, axis=1) - np.fmin.reduce(recent, axis=1)
    value = (3 * largest(spread, 120) + 150 * apart) / deviation
    return np.nan_to_num(EPS * (value * (1 + np.abs(z)) + np.abs(z) * 150 * (apart / deviation) ** 2)).astype(float)


@oracle("spread_z_60", bound=_z_bound)
@each_series
def spread_z(name: str, bars: Bars) -> np.ndarray:
    return _z(bars)[0]
