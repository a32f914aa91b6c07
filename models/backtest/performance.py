"""Figures of a backtest, of one symbol or of several pooled with equal capital.

Sharpe ratio           mean over standard deviation of daily returns, times sqrt(days a year)
Probabilistic, deflated  the probability that the true ratio is above 0, and above what the best of N trials without
                       skill would show (Bailey and Lopez de Prado 2014, "The Deflated Sharpe Ratio", eqs. 1 and 2)
Drawdown               the deepest fall of the summed daily returns below their highest point

Intervals resample whole days; under 20 days there is none, and no Sharpe ratio.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, Final, NamedTuple

import numpy as np

from models.backtest.book import Book
from models.data.dataset import Dataset
from models.data.folds import Rows
from models.evaluation.intervals import LEAST_DAYS, interval, too_few
from models.evaluation.trials import NO_TRIALS, Trials
from schema.ticks import Bool, Float64, Int64

DAY: Final = 86_400 * 10**9
_EULER: Final = 0.5772156649015329
_NORMAL: Final = NormalDist()


def performance(
    book: Book, dataset: Dataset, rows: Rows, days_a_year: int, trials: Trials = NO_TRIALS, seed: int = 1
) -> dict[str, Any]:
    """Return the figures of the days from the first of the rows that were decided on to the last.

    `trials` are those of all that was tried, this one among them.
    """
    within = (dataset.time >= dataset.time[rows].min()) & (dataset.time <= dataset.time[rows].max())
    within |= book.position != 0
    within |= book.traded != 0
    which = np.unique(dataset.symbol[rows])
    within &= np.isin(dataset.symbol, which)
    day = book.known // DAY
    net = book.gross - book.spread - book.fee
    daily, gross = (_pooled(values, day, dataset.symbol, within) for values in (net, book.gross))
    held = within & (book.position != 0) & (book.gross != 0)
    n = len(daily)
    symbols = len(which)
    return {
        "days": n,
        "gross_bps_a_day": 1e4 * float(gross.mean()),
        "net_bps_a_day": 1e4 * float(daily.mean()),
        "net_interval": interval(1e4 * daily, np.arange(n), seed),
        "spread_bps_a_day": 1e4 * float(book.spread[within].sum()) / n / symbols,
        "fee_bps_a_day": 1e4 * float(book.fee[within].sum()) / n / symbols,
        "net_total": float(daily.sum()),
        "turnover_a_day": float(book.traded[within].sum()) / n / symbols,
        "exposure": float(np.abs(book.position[within]).mean()),
        "hit_rate": float(np.mean(book.gross[held] > 0)) if held.any() else None,
        "drawdown": drawdown(daily),
        **sharpe(daily, days_a_year, trials),
    }


def _pooled(values: Float64, day: Int64, symbol: Int64 | Any, within: Bool) -> Float64:
    """Return the mean over symbols of each day's sums; a symbol counts on the days on which it has a bar."""
    days, place = np.unique(day[within], return_inverse=True)
    sums = np.bincount(place, values[within], len(days))
    pairs = np.unique(np.stack((place, symbol[within])), axis=1)
    return np.asarray(sums / np.bincount(pairs[0], minlength=len(days)))


def drawdown(daily: Float64) -> float:
    """Return the deepest fall of the running sum of daily returns (n,) below its highest point, at least 0."""
    path = np.concatenate(([0.0], np.cumsum(daily)))
    return float(np.max(np.maximum.accumulate(path) - path))


def sharpe(daily: Float64, days_a_year: int, trials: Trials = NO_TRIALS) -> Mapping[str, Any]:
    """Return the ratio of daily returns (n,), a day's and a year's, and how far chance and N trials explain it."""
    n = len(daily)
    if n < LEAST_DAYS:
        return {"sharpe": too_few(n), "sharpe_a_day": None, "moments": None, "probabilistic": None, "deflated": None}
    found = moments(daily)
    return {
        "sharpe": found.ratio * math.sqrt(days_a_year),
        "sharpe_a_day": found.ratio,
        "moments": list(found),
        "probabilistic": probability_above(found, 0.0),
        "deflated": probability_above(found, best_of(trials, n)),
        "trials": max(trials.count, 1),
    }


class Moments(NamedTuple):
    """Of daily returns: all that the probability of a Sharpe ratio takes."""

    days: int
    ratio: float  # Sharpe's, a day
    skewness: float
    kurtosis: float


def moments(daily: Float64) -> Moments:
    """Return those of returns (n,); of constant ones the ratio is 0."""
    deviation = float(daily.std())
    if deviation == 0:
        return Moments(len(daily), 0.0, 0.0, 3.0)
    z = (daily - daily.mean()) / deviation
    ratio = float(daily.mean()) / float(daily.std(ddof=1))
    return Moments(len(daily), ratio, float(np.mean(z**3)), float(np.mean(z**4)))


def probability_above(found: Moments, threshold: float) -> float:
    """Return the probability that the true daily Sharpe ratio lies above a threshold.

    It allows for skewness and fat tails, which make a measured ratio less certain.
    """
    variance = 1 - found.skewness * found.ratio + (found.kurtosis - 1) / 4 * found.ratio**2
    return _NORMAL.cdf((found.ratio - threshold) * math.sqrt((found.days - 1) / max(variance, 1e-12)))


def best_of(trials: Trials, days: int) -> float:
    """Return the Sharpe ratio (a day) to be expected of the best of N trials without skill.

    The ratios' variance is that of the trials, at least 1 / (days - 1): what chance alone gives each of them.
    """
    n = trials.count
    if n < 2:
        return 0.0
    seen = float(np.var(trials.ratios, ddof=1)) if len(trials.ratios) > 1 else 0.0
    quantiles = (_NORMAL.inv_cdf(1 - 1 / n), _NORMAL.inv_cdf(1 - 1 / (n * math.e)))
    return math.sqrt(max(seen, 1 / (days - 1))) * ((1 - _EULER) * quantiles[0] + _EULER * quantiles[1])
