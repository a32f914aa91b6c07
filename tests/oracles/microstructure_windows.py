"""Windows of bars by their formulas, each window afresh in long double; closes, highs and lows as logs themselves.

Bounds: a running sum is off by some 150 roundings of the largest term of its last two laps; what is made of it
passes that on by its derivative, and a root near 0 by the root.
"""

from __future__ import annotations

import numpy as np

from tests.oracles.microstructure_bars import Bars, largest, over
from tests.oracles.registry import each_series, oracle
from tests.oracles.windows import EPS, before, exact, log_returns, trailing

TIE = 1e-12
LAPS = 150 * EPS


def rooted(value: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Return the error of 20,000 sqrt(max(0, value)) where the value is off by an error."""
    safe = np.maximum(np.maximum(np.nan_to_num(value.astype(float)), error), 1e-300)
    return np.nan_to_num(2e4 * error / np.sqrt(safe)).astype(float)


def window_of(name: str) -> int:
    return int(name.rsplit("_", 1)[1])


def _reversal(bars: Bars, window: int) -> np.ndarray:
    returns = trailing(log_returns(bars["close"]), window)
    apart = returns - returns.mean(axis=1)[:, None]
    return -(apart[:, 1:] * apart[:, :-1]).mean(axis=1)


@each_series
def _roll_bound(name: str, bars: Bars) -> np.ndarray:
    window = window_of(name)
    error = 3 * LAPS * np.nan_to_num(largest(bars["log_return"], window + 62)) ** 2
    return rooted(_reversal(bars, window), error)


@oracle("roll_spread_20", "roll_spread_60", bound=_roll_bound)
@each_series
def roll(name: str, bars: Bars) -> np.ndarray:
    return 20_000 * np.sqrt(np.maximum(_reversal(bars, window_of(name)), 0))


def _logs(bars: Bars) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the logs of high, low and close over the first close, so that they are small."""
    first = exact(bars["close"])[0]
    high, low, close = (np.log1p((exact(bars[field]) - first) / first) for field in ("high", "low", "close"))
    return high, low, close


@each_series
def _ranges_bound(name: str, bars: Bars) -> np.ndarray:
    """Logs of ratios are good to some roundings of themselves, and so is each spread beside its ranges."""
    high, low, _ = _logs(bars)
    both = np.fmax(high, before(high)) - np.fmin(low, before(low))
    return 1e4 * np.nan_to_num((LAPS + 40 * EPS) * 6 * largest(both, 40)).astype(float)


@oracle("corwin_schultz_spread_20", bound=_ranges_bound)
@each_series
def corwin_schultz(name: str, bars: Bars) -> np.ndarray:
    high, low, _ = _logs(bars)
    two = np.sqrt(np.longdouble(2))
    beta = (high - low) ** 2 + before(high - low) ** 2
    gamma = (np.maximum(high, before(high)) - np.minimum(low, before(low))) ** 2
    alpha = (np.sqrt(2 * beta) - np.sqrt(beta)) / (3 - 2 * two) - np.sqrt(gamma / (3 - 2 * two))
    spread = np.maximum(2 * np.expm1(alpha) / (1 + np.exp(alpha)), 0)
    return 10_000 * trailing(np.where(np.isnan(alpha), np.nan, spread), 20).mean(axis=1)


@oracle("zero_return_share_20", "zero_return_share_60")
@each_series
def zero_returns(name: str, bars: Bars) -> np.ndarray:
    returns = log_returns(bars["close"])
    zero = np.where(np.isnan(returns), np.nan, np.abs(returns) <= TIE)
    return trailing(zero, int(name[-2:])).mean(axis=1)


def _impacts(bars: Bars) -> np.ndarray:
    traded = np.where(bars["notional"] > 0, exact(bars["notional"]), np.nan)
    return np.abs(log_returns(bars["close"])) / traded


def _full(bars: Bars, first: int) -> np.ndarray:
    """Say of each row whether it is the `first`-th bar or after."""
    return np.asarray(bars["n"] >= first)


@each_series
def _amihud_bound(name: str, bars: Bars) -> np.ndarray:
    impact, window = _impacts(bars).astype(float), window_of(name)
    count = np.maximum((~np.isnan(trailing(impact, window))).sum(axis=1), 1)
    return window / count * LAPS * np.nan_to_num(largest(impact, window + 60)).astype(float)


@oracle("amihud_20", "amihud_60", bound=_amihud_bound)
@each_series
def amihud(name: str, bars: Bars) -> np.ndarray:
    windows = trailing(_impacts(bars), window_of(name))
    traded = ~np.isnan(windows)
    total = np.where(traded, windows, 0).sum(axis=1)
    return np.where(_full(bars, window_of(name) + 1), over(total, traded.sum(axis=1)), np.nan)


@oracle("turnover_ratio_60", bound=lambda name, market: 60 * 60 * LAPS)
@each_series
def turnover_ratio(name: str, bars: Bars) -> np.ndarray:
    notional = trailing(bars["notional"], 60)
    return np.where(_full(bars, 61), over(notional[:, -1], notional.mean(axis=1)), np.nan)
