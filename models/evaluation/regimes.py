"""In which weather a bar closed, known at its close: is volatility low or high for the symbol, and does it trend."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from models.data.dataset import Dataset
from schema.ticks import Float64, Int64

VOLATILITY: Final = ("calm", "usual", "wild")  # below, near or above the symbol's own mean of log volatility
TREND: Final = ("falling", "sideways", "rising")
_SPAN: Final = 250.0  # bars of that mean
_LEAST: Final = 30.0  # bars until regimes are told apart
_APART: Final = 0.25  # of log volatility: a regime begins where it lies this far from its mean
_TREND_BARS: Final = 20
_TREND_BOUND: Final = 1.0  # deviations of a random walk of as many bars


def volatility_regimes(dataset: Dataset) -> Int64:
    """Return the place in VOLATILITY (n,) of each row."""
    out = np.empty(len(dataset.time), np.int64)
    level = np.zeros((int(dataset.symbol.max()) + 1, 2))
    _volatility(dataset.symbol, np.asarray(dataset.sigma, np.float64), level, out)
    return out


def trend_regimes(dataset: Dataset) -> Int64:
    """Return the place in TREND (n,) of each row: its return over 20 bars in units of sigma_t sqrt(20)."""
    move = np.full(len(dataset.time), np.nan)
    order = np.argsort(dataset.symbol, kind="stable")
    here, there = order[_TREND_BARS:], order[:-_TREND_BARS]
    same = dataset.symbol[here] == dataset.symbol[there]
    here, there = here[same], there[same]
    move[here] = np.log(dataset.price[here] / dataset.price[there])
    with np.errstate(invalid="ignore", divide="ignore"):
        units: Float64 = move / (dataset.sigma * np.sqrt(_TREND_BARS))
    return np.where(units > _TREND_BOUND, 2, np.where(units < -_TREND_BOUND, 0, 1))


@njit(cache=True)
def _volatility(symbol, sigma, level, out):  # type: ignore[no-untyped-def]
    for k in range(len(symbol)):
        out[k] = volatility_regime(level[symbol[k]], sigma[k])


@njit(cache=True)
def volatility_regime(level, sigma):  # type: ignore[no-untyped-def]
    """Return 0, 1 or 2 for a volatility below, near or above its mean so far, then add it to that.

    `level` (2,) is a symbol's mean of log volatility and the bars seen.
    """
    if not sigma > 0:
        return 1
    x, apart = np.log(sigma), 0.0
    if level[1] >= _LEAST:
        apart = x - level[0]
    level[1] += 1
    level[0] += (x - level[0]) / min(level[1], _SPAN)
    return 0 if apart < -_APART else (2 if apart > _APART else 1)
