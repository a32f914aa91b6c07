"""Naive forecasters of variance and regimes, against plain loops over one series at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.config import TrainingConfig
from models.data.folds import folds_of
from models.data.problem import problem_of
from models.evaluation.baselines import har_variance
from models.evaluation.regimes import trend_regimes, volatility_regimes
from tests.models.market import make_dataset, make_market

DATASET = make_dataset(make_market(3, 700))
FOLD = folds_of(DATASET, TrainingConfig(walk=None, embargo=10, primary=3))[0]
PROBLEM = problem_of(DATASET, FOLD, (), 0, 3)


def test_har_is_a_regression_on_squared_returns_of_1_5_and_22_bars() -> None:
    y, unit = PROBLEM.label, PROBLEM.unit
    data = PROBLEM.dataset
    x = np.full((len(y), 4), 1.0)
    for row in range(len(y)):
        series = [k for k in np.flatnonzero(data.symbol == data.symbol[row]) if k <= row]
        squares = [data.past[k] ** 2 if np.isfinite(data.past[k]) else data.sigma[row] ** 2 for k in series[-22:]]
        squares = [data.sigma[row] ** 2] * (22 - len(squares)) + squares
        x[row, 1:] = [np.mean(squares[-n:]) * 3 / unit[row] ** 2 for n in (1, 5, 22)]
    x = np.minimum(x, 64)
    weights = np.linalg.pinv(x[FOLD.fit]) @ (y[FOLD.fit] ** 2)
    expected = np.maximum(x @ weights, 0.05 * np.mean(y[FOLD.fit] ** 2))
    expected *= np.mean(y[FOLD.calibrate] ** 2 / expected[FOLD.calibrate])
    found = har_variance(data, FOLD, y, unit, 3)
    np.testing.assert_allclose(found[FOLD.test], expected[FOLD.test], rtol=1e-6)


def test_regimes_are_known_at_the_close_and_each_symbols_own() -> None:
    wild = np.where(np.arange(len(DATASET.time)) > 1500, 3.0, 1.0)
    dataset = replace(DATASET, sigma=DATASET.sigma * wild, price=DATASET.price * np.exp(0.0))
    volatility, trend = volatility_regimes(dataset), trend_regimes(dataset)
    assert np.mean(volatility[1510:1600] == 2) > 0.9 and np.mean(volatility[600:1500] == 1) > 0.9
    for row in range(100, len(dataset.time), 97):
        series = np.flatnonzero(dataset.symbol == dataset.symbol[row])
        series = series[series <= row]
        move = np.log(dataset.price[row] / dataset.price[series[-21]]) if len(series) > 20 else np.nan
        units = move / (dataset.sigma[row] * np.sqrt(20))
        assert trend[row] == (2 if units > 1 else 0 if units < -1 else 1)
    later = replace(dataset, sigma=dataset.sigma.copy(), price=dataset.price.copy())
    later.sigma[1000:], later.price[1000:] = 9.0, 9.0
    np.testing.assert_array_equal(volatility_regimes(later)[:1000], volatility[:1000])
    np.testing.assert_array_equal(trend_regimes(later)[:1000], trend[:1000])
