"""Windows of bars by their formulas, each window afresh in long double; closes, highs and lows as logs themselves.

Bounds: a running sum is off by some 150 roundings of the largest term of its last two laps; what is made of it
passes that on by its derivative, and a root near 0 by the root.
"""

from __future__ import annotations

import numpy as np

from tests.oracles.microstructure_bars import Bars, largest
from tests.oracles.registry import each_series, oracle
from tests.oracles.windows import EPS, before, exact, log_returns, trailing

TIE = 1e-12
LAPS = 150 * EPS


def rooted(value: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Return the error of 20,000 sqrt(max(0, value)) where the value is off by an error."""
    safe = np.maximum(np.maximum(np.nan_to_num(value.astype(float)), error), 1e-300)
    return np.nan_to_num(2e4 * error / np.sqrt(safe)).astype(float)


def _reversal(bars: Bars) -> np.ndarray:
    returns = trailing(log_returns(bars["close"]), 60)
    apart = returns - returns.mean(axis=1)[:, None]
    return -(apart[:, 1:] * apart[:, :-1]).mean(axis=1)


@each_series
def _roll_bound(name: str, bars: Bars) -> np.ndarray:
    return rooted(_reversal(bars), 3 * LAPS * np.nan_to_num(largest(bars["log_return"], 122)) ** 2)


@oracle("roll_spread_60", bound=_roll_bound)
@each_series
def roll(name: str, bars: Bars) -> np.ndarray:
    return 20_000 * np.sqrt(np.maximum(_reversal(bars), 0))


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


def _from_middle(bars: Bars) -> np.ndarray:
    high, low, close = _logs(bars)
    middle = (high + low) / 2
    return trailing(4 * (before(close) - before(middle)) * (before(close) - middle), 20).mean(axis=1)


@each_series
def _middle_bound(name: str, bars: Bars) -> np.ndarray:
    high, low, _ = _logs(bars)
    both = np.fmax(high, before(high)) - np.fmin(low, before(low))
    error = (LAPS + 40 * EPS) * 8 * np.nan_to_num(largest(both, 40)).astype(float) ** 2
    return 0.5 * rooted(_from_middle(bars), error)


@oracle("abdi_ranaldo_spread_20", bound=_middle_bound)
@each_series
def abdi_ranaldo(name: str, bars: Bars) -> np.ndarray:
    return 10_000 * np.sqrt(np.maximum(_from_middle(bars), 0))


@oracle("zero_return_share_20", "zero_return_share_60")
@each_series
def zero_returns(name: str, bars: Bars) -> np.ndarray:
    returns = log_returns(bars["close"])
    zero = np.where(np.isnan(returns), np.nan, np.abs(returns) <= TIE)
    return trailing(zero, int(name[-2:])).mean(axis=1)
