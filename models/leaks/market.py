"""Bars of markets whose law is known: a martingale, or one whose next return leans on its own past.

    u_t = drift_t + sqrt(1 - information^2) e_t        r_t = sigma_t u_t        drift_(t+1) = information * s_t / sd(s)
    s_t = 0.8 s_(t-1) + 0.2 u_t                        log sigma_t: an autoregression, shared by all symbols

The shocks e of the symbols are correlated. With information 0 the log price is a martingale whose volatility clusters;
else s, an average of past returns that anyone can compute, foretells the next ones. Opens are the closes before them
and prices are not rounded, since a tick size alone would make returns reverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from schema.ticks import Float64, Int64

DAY: Final = 86_400 * 10**9
START: Final = 1_262_304_000 * 10**9  # 2010-01-01
_MEMORY: Final = 0.8
_STEPS: Final = 8  # inside a bar, for its high and low
_TOGETHER: Final = 0.3  # correlation of the symbols' shocks
_USUAL: Final = 1e-2  # log return a day


@dataclass(frozen=True, slots=True)
class SyntheticBars:
    """Daily bars of S symbols, arrays (n, S)."""

    time: Int64  # (n,) ns UTC of the close
    open: Float64
    high: Float64
    low: Float64
    close: Float64
    volume: Float64
    _state: Float64  # s_t / sd(s)
    _sigma: Float64  # (n,)
    _information: float

    def foretold(self, horizon: int) -> Float64:
        """Return the expected log return (n, S) over the next bars of one who knows the law and the state."""
        growth = _MEMORY + (1 - _MEMORY) * self._information / _deviation()
        drift = self._information * (1 - growth**horizon) / (1 - growth)
        return drift * self._state * self._sigma[:, None]


def make_bars(symbols: int, n: int, information: float, seed: int, fork: int | None = None) -> SyntheticBars:
    """Make a market. One with a `fork` has the same bars up to that place, and others behind it."""
    shocks, volatility, volume = _shocks(symbols, n, seed)
    if fork is not None:
        for ours, theirs in zip((shocks, volatility, volume), _shocks(symbols, n, seed + 7919)):
            ours[fork + 1 :] = theirs[fork + 1 :]
    sigma = np.empty(n)
    level = 0.0
    for k in range(n):
        level = 0.97 * level + 0.1 * volatility[k]
        sigma[k] = _USUAL * np.exp(level)
    state, moves = np.zeros((n, symbols)), np.empty((n, _STEPS, symbols))
    drift, s = np.zeros(symbols), np.zeros(symbols)
    for k in range(n):
        u = drift / _STEPS + np.sqrt((1 - information**2) / _STEPS) * shocks[k]
        s = _MEMORY * s + (1 - _MEMORY) * u.sum(axis=0)
        state[k] = s / _deviation()
        drift, moves[k] = information * state[k], sigma[k] * u
    first = 10.0 ** np.linspace(-3, 4, symbols)
    path = np.log(first) + np.cumsum(moves.reshape(n * _STEPS, symbols), axis=0)
    path = np.exp(np.vstack((np.log(first), path)))
    inside = np.stack([path[k * _STEPS : (k + 1) * _STEPS + 1] for k in range(n)])  # (n, steps + 1, S)
    time = START + DAY * np.arange(1, n + 1)
    return SyntheticBars(
        time, inside[:, 0], inside.max(axis=1), inside.min(axis=1), inside[:, -1],
        1e4 * np.exp(0.3 * volume) * (sigma / _USUAL)[:, None], state, sigma, information,
    )  # fmt: skip


def _deviation() -> float:
    """The standard deviation of s where u is white noise."""
    return float(np.sqrt((1 - _MEMORY) / (1 + _MEMORY)))


def _shocks(symbols: int, n: int, seed: int) -> tuple[Float64, Float64, Float64]:
    random = np.random.default_rng(seed)
    own, shared = random.standard_normal((n, _STEPS, symbols)), random.standard_normal((n, _STEPS, 1))
    together = np.sqrt(_TOGETHER) * shared + np.sqrt(1 - _TOGETHER) * own
    return together, random.standard_normal(n), random.standard_normal((n, symbols))
