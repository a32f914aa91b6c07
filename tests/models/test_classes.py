from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, spearmanr
from statsmodels.stats.proportion import proportion_confint

from models.classes import RISK_WINDOW, normal_classes, rank_risk, vote
from models.evaluation.calibration import class_of, fit_class_map, fit_variance_scale, probabilities
from models.evaluation.intervals import correlation_interval, interval, wilson
from models.evaluation.scoring import Forecast, Outcome, rank_correlation, ranks, score
from schema.predictions import Direction, Risk

RANDOM = np.random.default_rng(11)
IDENTITY = (1.0, 0.0, 0.0)


def test_classes_are_the_normal_mass_beyond_the_bounds() -> None:
    mean, log_variance = RANDOM.standard_normal(200), RANDOM.standard_normal(200)
    s = np.exp(log_variance / 2)
    expected = np.stack([norm.cdf((-0.43 - mean) / s), np.zeros(200), norm.sf((0.43 - mean) / s)], 1)
    expected[:, 1] = 1 - expected[:, 0] - expected[:, 2]
    np.testing.assert_allclose(np.exp(normal_classes(mean, log_variance)), np.maximum(expected, 1e-9), rtol=1e-9)
    p = probabilities(mean, log_variance, IDENTITY, 1, 1)
    np.testing.assert_allclose(p, expected, atol=1e-8)


def test_the_bounds_belong_to_up_and_down() -> None:
    assert class_of(np.array([-2, -0.43, -0.42, 0, 0.42, 0.43, 2])).tolist() == [0, 0, 1, 1, 1, 2, 2]


def test_calibration_recovers_a_planted_map_and_scale() -> None:
    n = 60_000
    mean, log_variance = 0.5 * RANDOM.standard_normal(n), 0.5 * RANDOM.standard_normal(n)
    y = mean + np.exp(0.5 * log_variance) * np.sqrt(2.5) * RANDOM.standard_normal(n)
    assert fit_variance_scale(mean, log_variance, y) == pytest.approx(2.5, rel=0.03)
    log_h = np.log(RANDOM.choice([0.2, 1, 4], n))
    planted = (0.7, 0.9, -0.3)
    log_p = 0.7 * normal_classes(mean, log_variance)
    log_p[:, 1] += 0.9 - 0.3 * log_h
    p = np.exp(log_p) / np.exp(log_p).sum(axis=1, keepdims=True)
    drawn = (RANDOM.random(n)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    label = np.array([-1.0, 0.0, 1.0])[drawn]
    np.testing.assert_allclose(fit_class_map(mean, log_variance, label, log_h), planted, atol=0.04)


def test_the_vote_is_the_mixture_of_its_members() -> None:
    means, log_variances, weights = (
        RANDOM.standard_normal((2, 50)),
        RANDOM.standard_normal((2, 50)),
        np.array([0.3, 0.7]),
    )
    p = RANDOM.dirichlet((1, 1, 1), (2, 50))
    voted = vote(means, log_variances, p, weights, np.full(50, 0.01), 0.5)
    mean = weights @ means
    np.testing.assert_allclose(voted.expected_return, 0.01 * mean, rtol=1e-12)
    spread = weights @ (np.exp(log_variances) + (means - mean) ** 2)
    np.testing.assert_allclose(voted.volatility, 0.01 * np.sqrt(spread), rtol=1e-10)
    np.testing.assert_allclose(voted.probabilities, np.einsum("m,mnc->nc", weights, p), rtol=1e-12)
    np.testing.assert_allclose(voted.probabilities.sum(axis=1), 1, rtol=1e-12)


def test_direction_is_neutral_where_sideways_is_likeliest_or_confidence_is_low() -> None:
    p = np.array([[[0.2, 0.3, 0.5], [0.5, 0.3, 0.2], [0.3, 0.4, 0.3], [0.3, 0.35, 0.35], [0.38, 0.2, 0.42]]])
    n = p.shape[1]
    voted = vote(np.zeros((1, n)), np.zeros((1, n)), p, np.ones(1), np.ones(n), 0.6)
    assert voted.direction.tolist() == [Direction.BULLISH, Direction.BEARISH] + [Direction.NEUTRAL] * 3
    np.testing.assert_allclose(voted.confidence, [5 / 7, 5 / 7, 0.5, 0.35 / 0.65, 0.42 / 0.8])


def test_risk_is_the_tercile_among_the_series_own_last_250() -> None:
    ring, count, n = np.zeros((2, RISK_WINDOW)), np.zeros(2, np.int64), 700
    symbol, volatility = RANDOM.integers(0, 2, n).astype(np.int32), RANDOM.lognormal(size=n)
    risk = np.empty(n, np.int8)
    for first in range(0, n, 97):
        rows = np.arange(first, min(first + 97, n))
        part = np.empty(len(rows), np.int8)
        rank_risk(symbol, rows, volatility[rows], ring, count, part)
        risk[rows] = part
    for s in (0, 1):
        mine = np.flatnonzero(symbol == s)
        for k, row in enumerate(mine):
            before = volatility[mine[max(k - 250, 0) : k]]
            below = np.mean(before < volatility[row]) if k else 0
            expected = Risk.LOW if below < 1 / 3 else Risk.HIGH if below >= 2 / 3 else Risk.MEDIUM
            assert risk[row] == (expected if k >= 30 else Risk.MEDIUM)


def test_rank_correlation_is_scipys_with_ties() -> None:
    a, b = RANDOM.integers(0, 9, 500).astype(float), RANDOM.integers(0, 5, 500).astype(float)
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic, rel=1e-12)
    assert rank_correlation(a, np.zeros(500)) is None


def test_scores_are_their_definitions() -> None:
    n = 400
    mean, log_variance, p = 0.3 * RANDOM.standard_normal(n), RANDOM.standard_normal(n), RANDOM.dirichlet((2, 2, 2), n)
    y, unit = RANDOM.standard_normal(n), np.full(n, 2e-4)
    y[::10] = 0
    found = score(Forecast(mean, log_variance, p), Outcome(np.arange(n), y, unit))
    assert found["nll"] == pytest.approx(-norm.logpdf(y, mean, np.exp(log_variance / 2)).mean())
    assert found["mae_bps"] == pytest.approx(np.mean([abs(a - b) for a, b in zip(y, mean, strict=True)]) * 2)
    assert found["r2_zero"] == pytest.approx(1 - ((y - mean) ** 2).sum() / (y**2).sum())
    moved = y != 0
    assert found["directional_coverage"] == pytest.approx(0.9)
    assert found["directional_accuracy"] == pytest.approx(np.mean((y > 0)[moved] == (mean > 0)[moved]))
    truth = [0 if v <= -0.43 else 2 if v >= 0.43 else 1 for v in y]
    assert found["log_loss"] == pytest.approx(-np.mean([np.log(p[k, c]) for k, c in enumerate(truth)]))
    assert found["brier"] == pytest.approx(
        np.mean([sum((p[k, j] - (j == c)) ** 2 for j in range(3)) for k, c in enumerate(truth)])
    )
    assert str(found["intervals"]["nll"]).startswith("insufficient: 1 days")
    deviation = np.exp(log_variance / 2)
    assert found["crps_bps"] == pytest.approx(2 * np.mean([crps(*of) for of in zip(y, mean, deviation)]), rel=1e-3)
    assert found["qlike"] == pytest.approx(np.mean(log_variance + (y - mean) ** 2 / deviation**2))
    for name, share in (("coverage_80", 0.8), ("coverage_95", 0.95)):
        low, high = norm.interval(share, mean, deviation)
        assert found[name] == pytest.approx(np.mean((low <= y) & (y <= high)))
    assert found["rmse_bps"] == pytest.approx(2 * np.sqrt(np.mean((y - mean) ** 2)))
    prices, said = np.exp(y * unit), np.exp(mean * unit)
    assert found["mape"] == pytest.approx(np.mean(np.abs(said - prices) / prices))
    likeliest, came = p.argmax(axis=1), np.array(truth)
    assert found["precision"]["down"] == pytest.approx(np.mean(came[likeliest == 0] == 0))
    assert found["recall"]["up"] == pytest.approx(np.mean(likeliest[came == 2] == 2))


def crps(y: float, mean: float, deviation: float) -> float:
    """By its definition: the integral of (F(x) - 1{x >= y})^2."""
    x = np.linspace(-40, 40, 80_001)
    return float(np.sum((norm.cdf(x, mean, deviation) - (x >= y)) ** 2) * 1e-3)


def test_an_interval_of_a_correlation_holds_it_and_widens_with_what_days_share() -> None:
    a, days = RANDOM.standard_normal(4000), np.repeat(np.arange(40), 100)
    b = 0.3 * a + RANDOM.standard_normal(4000)
    low, high = correlation_interval(ranks(a), ranks(b), days, 1)
    assert low < spearmanr(a, b).statistic < high
    assert 0.02 < high - low < 0.12
    signs = np.repeat(RANDOM.choice([-1.0, 1.0], 40), 100)
    wide = correlation_interval(ranks(a), ranks(signs * b), days, 1)
    assert wide[1] - wide[0] > 1.5 * (high - low)
    assert correlation_interval(a, b, days // 3, 1) == "insufficient: 14 days, 20 needed"


def test_wilsons_interval_is_statsmodels() -> None:
    for hits, n in ((0, 5), (3, 7), (55, 100), (100, 100)):
        assert wilson(hits, n) == pytest.approx(proportion_confint(hits, n, method="wilson"))
    assert wilson(0, 0) == [0.0, 1.0]


def test_intervals_widen_with_what_days_share() -> None:
    days = np.repeat(np.arange(40), 50)
    noise = RANDOM.standard_normal(2000)
    low, high = interval(noise, days, 1)
    assert low < noise.mean() < high
    wide = interval(noise + np.repeat(RANDOM.standard_normal(40), 50), days, 1)
    assert wide[1] - wide[0] > 3 * (high - low)
    assert interval(noise, days // 3, 1) == "insufficient: 14 days, 20 needed"
