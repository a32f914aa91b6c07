"""Naive forecasters that a model is always reported beside. Each is given what the calibrate slice would teach it."""

from __future__ import annotations

import numpy as np
from numba import njit

from models.calibration import class_of
from models.config import LABEL_CLIP
from models.dataset import Dataset
from models.evaluation import Forecast
from models.folds import Fold
from schema.ticks import Float64

_DECAY = 0.94  # RiskMetrics


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
    }


def ewma_variance(dataset: Dataset) -> Float64:
    """Return the exponentially weighted variance (n,) of one-bar returns of each series, seeded with sigma squared."""
    out = np.empty(len(dataset.time))
    _ewma(np.argsort(dataset.symbol, kind="stable"), dataset.symbol, dataset.past, dataset.sigma, out)
    return out


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
