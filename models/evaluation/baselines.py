"""Naive forecasters that a model is always reported beside. Each is given what the calibrate slice would teach it."""

from __future__ import annotations

import numpy as np
from numba import njit

from models.config import LABEL_CLIP
from models.data.dataset import Dataset
from models.data.folds import Fold
from models.evaluation.calibration import class_of
from models.evaluation.scoring import Forecast
from schema.ticks import Float64

_DECAY = 0.94  # RiskMetrics
_HAR_BARS = np.array([1, 5, 22])


def baselines(dataset: Dataset, slices: Fold, y: Float64, unit: Float64, primary: int) -> dict[str, Forecast]:
    """Return the forecasts of the test slice: `y` and `unit` (n,) are label and its unit at the primary horizon."""
    test, learn = slices.test, slices.calibrate
    zero = np.zeros(len(test))
    last = np.nan_to_num(dataset.past[test].astype(np.float64)) / unit[test]
    classes = np.bincount(class_of(y[slices.fit]), minlength=3) / len(slices.fit)
    leaning = np.full(len(test), 1.0 if classes[2] >= classes[0] else -1.0) * 1e-6
    clipped = np.clip(y[learn], -LABEL_CLIP, LABEL_CLIP)
    ewma = np.maximum(ewma_variance(dataset) * primary / unit**2, 1e-3)
    scale = np.mean(clipped**2 / ewma[learn])
    return {
        "no_change": Forecast(zero, np.full(len(test), np.log(np.mean(clipped**2)))),
        "last_direction": Forecast(last),
        "reversal": Forecast(-last),
        "majority_class": Forecast(leaning, None, np.tile((classes + 1e-6) / (1 + 3e-6), (len(test), 1))),
        "ewma_volatility": Forecast(None, np.log(ewma[test] * scale)),
        "har_volatility": Forecast(None, np.log(har_variance(dataset, slices, y, unit, primary)[test])),
    }


def ewma_variance(dataset: Dataset) -> Float64:
    """Return the exponentially weighted variance (n,) of one-bar returns of each series, seeded with sigma squared."""
    out = np.empty(len(dataset.time))
    _ewma(np.argsort(dataset.symbol, kind="stable"), dataset.symbol, dataset.past, dataset.sigma, out)
    return out


def har_variance(dataset: Dataset, slices: Fold, y: Float64, unit: Float64, primary: int) -> Float64:
    """Return the variance (n,) of labels in their unit that the mean squared returns of 1, 5 and 22 bars foretell.

    Corsi 2009, "A Simple Approximate Long-Memory Model of Realized Volatility", with squared returns for realised
    variances: least squares on the fit slice, its scale from the calibrate slice as every forecaster's.
    """
    means = np.empty((len(dataset.time), len(_HAR_BARS)))
    _har(np.argsort(dataset.symbol, kind="stable"), dataset.symbol, dataset.past, dataset.sigma, _HAR_BARS, means)
    x = np.column_stack((np.ones(len(unit)), means * primary / unit[:, None] ** 2))
    x = np.minimum(x, LABEL_CLIP**2)
    squares = np.clip(y, -LABEL_CLIP, LABEL_CLIP) ** 2
    learn, check = slices.fit, slices.calibrate
    weights = np.linalg.lstsq(x[learn], squares[learn], rcond=None)[0]
    found: Float64 = np.maximum(x @ weights, 0.05 * float(np.mean(squares[learn])))
    found *= np.mean(squares[check] / found[check])
    return found


@njit(cache=True)
def _har(order, symbol, past, sigma, spans, out) -> None:  # type: ignore[no-untyped-def]
    """Mean squared returns of the last bars of each series; where one is undefined, sigma_t squared stands for it."""
    begin = 0
    for a in range(len(order)):
        if a == 0 or symbol[order[a - 1]] != symbol[order[a]]:
            begin = a
        for k in range(len(spans)):
            total = 0.0
            for b in range(a - spans[k] + 1, a + 1):
                i = order[max(b, begin)]
                seen = b >= begin and not np.isnan(past[i])
                total += past[i] * past[i] if seen else sigma[order[a]] * sigma[order[a]]
            out[order[a], k] = total / spans[k]


@njit(cache=True)
def _ewma(order, symbol, past, sigma, out) -> None:  # type: ignore[no-untyped-def]
    variance = np.nan
    for a in range(len(order)):
        i = order[a]
        if a == 0 or symbol[order[a - 1]] != symbol[i]:
            variance = np.nan
        if np.isnan(variance):
            variance = sigma[i] * sigma[i]
        elif not np.isnan(past[i]):
            variance = _DECAY * variance + (1 - _DECAY) * past[i] * past[i]
        out[i] = variance
