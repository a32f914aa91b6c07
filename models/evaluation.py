"""Scores on the test slice, for members, ensemble and naive baselines alike.

nll                   mean negative log likelihood of the return in units of sigma_t sqrt(h), nats;
                      one beyond 8 units counts as 8, for all forecasters alike
mae_bps               mean absolute error of the log return, basis points
r2_zero               1 - squared error over that of "no change"
directional_accuracy  share of right signs where return and forecast aren't zero; directional_coverage: how many are so
brier, log_loss       of the three classes
information_coefficient  Spearman's rank correlation of forecast and return

Rows overlap (h bars) and symbols move together, so intervals resample whole days; fewer than 20 are "insufficient".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.calibration import class_of
from models.config import LABEL_CLIP
from schema.ticks import Float64, Int64

LEAST_DAYS: Final = 20
_RESAMPLES = 500
_DAY = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one forecaster says of n rows; None where it says nothing of the kind. In units of the label."""

    mean: Float64 | None = None
    log_variance: Float64 | None = None
    probabilities: Float64 | None = None  # (n, 3) down, sideways, up


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened in the same n rows."""

    time: Int64  # ns UTC
    y: Float64  # the label: return over sigma_t sqrt(h)
    unit: Float64  # sigma_t sqrt(h)


def score(forecast: Forecast, outcome: Outcome, seed: int = 1) -> dict[str, Any]:
    """Return the metrics that the forecast allows, with 95 % intervals over days."""
    rows = _row_scores(forecast, outcome)
    days = outcome.time // _DAY
    scores: dict[str, Any] = {name: float(np.mean(values)) for name, values in rows.items()}
    if forecast.mean is not None:
        scores |= _sign_scores(forecast.mean, outcome)
    scores["intervals"] = {name: interval(values, days, seed) for name, values in rows.items()}
    return scores


def _row_scores(forecast: Forecast, outcome: Outcome) -> dict[str, Float64]:
    rows: dict[str, Float64] = {}
    mean = np.zeros_like(outcome.y) if forecast.mean is None else forecast.mean
    if forecast.log_variance is not None:
        s = forecast.log_variance
        rows["nll"] = 0.5 * (
            np.log(2 * np.pi) + s + (np.clip(outcome.y, -LABEL_CLIP, LABEL_CLIP) - mean) ** 2 * np.exp(-s)
        )
    if forecast.mean is not None:
        rows["mae_bps"] = np.abs(outcome.y - mean) * outcome.unit * 1e4
    if forecast.probabilities is not None:
        label = class_of(outcome.y)
        p = forecast.probabilities
        rows["brier"] = ((p - np.eye(3)[label]) ** 2).sum(axis=1)
        rows["log_loss"] = -np.log(np.maximum(p[np.arange(len(label)), label], 1e-12))
    return rows


def _sign_scores(mean: Float64, outcome: Outcome) -> dict[str, Any]:
    returns, forecast = outcome.y * outcome.unit, mean * outcome.unit
    total = float(np.sum(returns**2))
    counted = (returns != 0) & (forecast != 0)
    right = np.sign(returns[counted]) == np.sign(forecast[counted])
    return {
        "r2_zero": 1 - float(np.sum((returns - forecast) ** 2)) / total if total > 0 else None,
        "directional_accuracy": float(np.mean(right)) if len(right) else None,
        "directional_coverage": float(np.mean(counted)),
        "information_coefficient": rank_correlation(forecast, returns),
    }


def rank_correlation(a: Float64, b: Float64) -> float | None:
    """Return Spearman's correlation with average ranks for ties, None where either is constant."""
    ranks = []
    for values in (a, b):
        _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        average = np.cumsum(counts) - (counts - 1) / 2
        ranks.append(average[inverse] - (len(values) + 1) / 2)
    norm = float(np.sqrt(np.sum(ranks[0] ** 2) * np.sum(ranks[1] ** 2)))
    return float(np.sum(ranks[0] * ranks[1])) / norm if norm > 0 else None


def interval(values: Float64, days: NDArray[np.int64], seed: int) -> list[float] | str:
    """Return the 95 % interval of the mean by resampling whole days, or "insufficient" under 20 of them."""
    which, inverse = np.unique(days, return_inverse=True)
    if len(which) < LEAST_DAYS:
        return f"insufficient: {len(which)} days, {LEAST_DAYS} needed"
    sums, counts = np.bincount(inverse, values), np.bincount(inverse)
    drawn = np.random.default_rng(seed).integers(0, len(which), (_RESAMPLES, len(which)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return [float(low), float(high)]
