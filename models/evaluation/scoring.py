"""Scores on the test slice, for members, ensemble and naive baselines alike.

nll                   mean negative log likelihood of the return in units of sigma_t sqrt(h), nats;
                      one beyond 8 units counts as 8, for all forecasters alike
crps_bps              continuous ranked probability score of the normal distribution, basis points of return
                      (Gneiting and Raftery 2007, section 4.2)
qlike                 log variance + squared error over variance, in units (Patton 2011, eq. 24)
coverage_80, _95      share of returns inside the central interval that the normal distribution gives
mae_bps, rmse_bps     mean absolute and root mean squared error of the log return, basis points
mape                  mean absolute error of the price, of the price that came (beside "no change": baselines)
r2_zero               1 - squared error over that of "no change"
directional_accuracy  share of right signs where return and forecast aren't zero; directional_coverage: how many are so
brier, log_loss       of the three classes; precision, recall: of the likeliest one, down, sideways, up
information_coefficient  Spearman's rank correlation of forecast and return

Rows overlap (h bars) and symbols move together, so intervals resample whole days; fewer than 20 are "insufficient".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.classes import normal_crps
from models.config import LABEL_CLIP
from models.evaluation.calibration import class_of
from models.evaluation.intervals import correlation_interval, interval
from schema.ticks import Float64, Int64

_DAY: Final = 86_400 * 10**9
_CENTRAL: Final = {"coverage_80": 1.2815515655446004, "coverage_95": 1.959963984540054}  # deviations
CLASSES: Final = ("down", "sideways", "up")


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
    scores["intervals"] = {name: interval(values, days, seed) for name, values in rows.items()}
    if forecast.mean is not None:
        signs, intervals = _sign_scores(forecast.mean, outcome, seed)
        scores |= signs
        scores["intervals"] |= intervals
    if forecast.probabilities is not None:
        scores |= _class_scores(forecast.probabilities, outcome.y)
    return scores


def _row_scores(forecast: Forecast, outcome: Outcome) -> dict[str, Float64]:
    rows: dict[str, Float64] = {}
    mean = np.zeros_like(outcome.y) if forecast.mean is None else forecast.mean
    y = np.clip(outcome.y, -LABEL_CLIP, LABEL_CLIP)
    if forecast.log_variance is not None:
        s = forecast.log_variance
        squares = (y - mean) ** 2 * np.exp(-s)
        rows["nll"] = 0.5 * (np.log(2 * np.pi) + s + squares)
        rows["qlike"] = s + squares
        rows["crps_bps"] = normal_crps(outcome.y, mean, s) * outcome.unit * 1e4
        for name, bound in _CENTRAL.items():
            rows[name] = (np.abs(outcome.y - mean) <= bound * np.exp(0.5 * s)).astype(np.float64)
    if forecast.mean is not None:
        missed = (outcome.y - mean) * outcome.unit
        rows["mae_bps"] = np.abs(missed) * 1e4
        rows["mape"] = np.abs(np.expm1(-missed))
    if forecast.probabilities is not None:
        label = class_of(outcome.y)
        p = forecast.probabilities
        rows["brier"] = ((p - np.eye(3)[label]) ** 2).sum(axis=1)
        rows["log_loss"] = -np.log(np.maximum(p[np.arange(len(label)), label], 1e-12))
    return rows


def _sign_scores(mean: Float64, outcome: Outcome, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    returns, forecast = outcome.y * outcome.unit, mean * outcome.unit
    squares, total = float(np.sum((returns - forecast) ** 2)), float(np.sum(returns**2))
    counted = (returns != 0) & (forecast != 0)
    right = (np.sign(returns[counted]) == np.sign(forecast[counted])).astype(np.float64)
    ranked = ranks(forecast), ranks(returns)
    correlation = _correlation(*ranked)
    days = outcome.time // _DAY
    scores = {
        "rmse_bps": 1e4 * float(np.sqrt(squares / len(returns))),
        "r2_zero": 1 - squares / total if total > 0 else None,
        "directional_accuracy": float(np.mean(right)) if len(right) else None,
        "directional_coverage": float(np.mean(counted)),
        "information_coefficient": correlation,
    }
    intervals: dict[str, Any] = {}
    if len(right):
        intervals["directional_accuracy"] = interval(right, days[counted], seed)
    if correlation is not None:
        intervals["information_coefficient"] = correlation_interval(*ranked, days, seed)
    return scores, intervals


def _class_scores(p: Float64, y: Float64) -> dict[str, Any]:
    """Return precision and recall of each class, None where it was never said or never came."""
    said, came = p.argmax(axis=1), class_of(y)
    hits = np.bincount(said[said == came], minlength=3)
    return {
        name: {word: float(h / n) if n else None for word, h, n in zip(CLASSES, hits, np.bincount(of, minlength=3))}
        for name, of in (("precision", said), ("recall", came))
    }


def rank_correlation(a: Float64, b: Float64) -> float | None:
    """Return Spearman's correlation with average ranks for ties, None where either is constant."""
    return _correlation(ranks(a), ranks(b))


def ranks(values: Float64) -> Float64:
    """Return the ranks of values (n,) around 0, ties sharing their average."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    average = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(average[inverse] - (len(values) + 1) / 2, np.float64)


def _correlation(a: Float64, b: Float64) -> float | None:
    norm = float(np.sqrt(np.sum(a**2) * np.sum(b**2)))
    return float(np.sum(a * b)) / norm if norm > 0 else None
