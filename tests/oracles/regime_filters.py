"""Oracles of the filtered states: Hamilton's filter by its transition matrix and normal densities.

It runs in float64: all its terms are positive, and a step forgets, so that its own roundings stay at some EPS. The
middle state's probability is what the other two leave of 1, so it carries their roundings in absolute terms.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from tests.oracles.regime_trend import bars_since_change, switches
from tests.oracles.registry import each_series, oracle
from tests.oracles.windows import EPS, before, log_returns, smoothed

Series = dict[str, np.ndarray]
DIED_AWAY = 1e-24  # a squared return


def variance_of(bars: Series, span: int) -> np.ndarray:
    """Return the exponentially weighted mean of squared returns, seeded with that of the first `span`."""
    values = smoothed(log_returns(bars["close"]) ** 2, span, 2 / (span + 1), first=1)
    return np.where(values <= DIED_AWAY, 0, values)


def standardised(bars: Series, span: int) -> np.ndarray:
    """Return log returns in deviations known the bar before, NaN where there is no volatility."""
    variance = before(variance_of(bars, span))
    return log_returns(bars["close"]) / np.sqrt(np.where(variance > 0, variance, np.nan))


def probabilities(likelihoods: np.ndarray) -> np.ndarray:
    """Return (n, 3) probabilities after each row of likelihoods; a row of NaN says nothing and gives NaN."""
    stay = np.full((3, 3), 0.02) + np.diag([0.94] * 3)
    now, result = np.full(3, 1 / 3), np.full((len(likelihoods), 3), np.nan)
    for row in np.flatnonzero(~np.isnan(likelihoods[:, 0])):
        now = (stay @ now) * likelihoods[row]
        now /= now.sum()
        result[row] = now
    return result


def described(name: str, filtered: np.ndarray, names: tuple[str, str, str]) -> np.ndarray:
    """Return a column of the filter: a probability, the likeliest state, how long it has lasted, how often it changed.

    `names` are those of the probabilities of the states -1, 0 and 1.
    """
    known = ~np.isnan(filtered[:, 0])
    if name in names:
        return filtered[:, names.index(name)]
    states = np.zeros(len(filtered))
    states[known] = filtered[known].argmax(axis=1) - 1
    result = np.full(len(states), np.nan)
    if "switches" in name:
        known_states = states.copy()
        for row in np.flatnonzero(~known[1:]) + 1:
            known_states[row] = known_states[row - 1]
        result[known] = switches(known_states)[known]
    else:
        result[known] = bars_since_change(states[known]) if name.startswith("bars_in") else states[known]
    return result


TREND = ("bear_probability", "sideways_probability", "bull_probability")


def roundings(name: str, market: object) -> float:
    return 64 * EPS


@oracle(*TREND, "trend_filter_state", "bars_in_trend_filter_state", "trend_filter_switches_120", bound=roundings)
@each_series
def trend_filter(name: str, bars: Series) -> np.ndarray:
    z = np.clip(standardised(bars, 20), -8, 8).astype(np.float64)
    return described(name, probabilities(norm.pdf(z[:, None], [-0.5, 0, 0.5])), TREND)


VOLATILITY = ("low_volatility_probability", "normal_volatility_probability", "high_volatility_probability")


@oracle(
    *VOLATILITY,
    "volatility_filter_state",
    "bars_in_volatility_filter_state",
    "volatility_filter_switches_120",
    bound=roundings,
)
@each_series
def volatility_filter(name: str, bars: Series) -> np.ndarray:
    z = np.clip(standardised(bars, 120), -np.sqrt(40), np.sqrt(40)).astype(np.float64)
    return described(name, probabilities(norm.pdf(z[:, None], 0, [0.5, 1, 2])), VOLATILITY)
