"""A prediction at every horizon, against the formulas written out with scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from models.classes import BOUND
from models.registry.bundle import Bundle
from models.serving.paths import derived, paths
from schema.predictions import Predictions
from schema.ticks import Float64
from tests.models.test_inference import MARKET, engine_of, run

PRIMARY = 3


def naive(heads: Float64, maps: list[tuple[float, float, float]], weights: Float64, sigma: Float64) -> Float64:
    """(n, H, 4), cell by cell."""
    members, n, horizons, _ = heads.shape
    out = np.empty((n, horizons, 4))
    for k in range(n):
        for h in range(1, horizons + 1):
            unit, there = sigma[k] * np.sqrt(h), [m for m in range(members) if np.isfinite(heads[m, k, h - 1, 0])]
            w = weights[there] / weights[there].sum()
            mean, deviation = heads[there, k, h - 1, 0], np.exp(heads[there, k, h - 1, 1] / 2)
            p = []
            for j, m in enumerate(there):
                down, up = norm.cdf(-BOUND, mean[j], deviation[j]), norm.sf(BOUND, mean[j], deviation[j])
                temperature, sideways, slope = maps[m]
                logits = temperature * np.log([down, 1 - down - up, up])
                logits[1] += sideways + slope * np.log(h / PRIMARY)
                p.append(np.exp(logits) / np.exp(logits).sum())
            expected = w @ mean
            variance = w @ (deviation**2 + mean**2) - expected**2
            down, _, up = w @ np.array(p)
            out[k, h - 1] = expected * unit, np.sqrt(variance) * unit, down, up
    return out


def test_every_horizon_is_the_vote_of_the_members_there(bundle: Bundle) -> None:
    random = np.random.default_rng(3)
    heads = np.stack((random.normal(0, 0.3, (2, 8, 6)), random.normal(0, 0.3, (2, 8, 6))), -1)
    heads[1, 5] = np.nan  # a member that has nothing to say
    maps = [(1.2, 0.1, -0.2), (0.9, -0.3, 0.1)]
    members = [
        type(member)(member.kind, member.weight, member.files, member.options, 1.0, class_map)
        for member, class_map in zip(bundle.metadata.members.values(), maps, strict=True)
    ]
    weights, sigma = np.array([0.3, 0.7]), random.uniform(1e-4, 1e-2, 8)
    found = paths(heads, members, weights, sigma, PRIMARY)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, naive(heads, maps, weights, sigma), rtol=3e-6, atol=1e-9)


def test_trees_speak_of_other_horizons_by_their_map(bundle: Bundle) -> None:
    member = next(member for member in bundle.metadata.members.values() if member.kind == "trees")
    mean, log_variance = np.array([0.1, -0.2]), np.array([0.0, 0.5])
    heads = derived(mean, log_variance, member)
    for h, (factor, scale) in enumerate(zip(member.mean_map, member.variance_map, strict=True)):
        np.testing.assert_allclose(heads[:, h, 0], factor * mean)
        np.testing.assert_allclose(np.exp(heads[:, h, 1]), scale * np.exp(log_variance))


@pytest.fixture(scope="module")
def served(bundle: Bundle) -> list[Predictions]:
    return run(engine_of(bundle, paths=["1s"]), MARKET, 500)


def test_the_primary_horizon_of_a_path_is_the_prediction(served: list[Predictions], bundle: Bundle) -> None:
    for made in served:
        assert made.path is not None and made.path.shape == (len(made.row), bundle.metadata.horizons, 4)
        there = made.path[:, made.horizon - 1]
        row = np.stack((made.expected_return, made.volatility, made.p_down, made.p_up), 1)
        np.testing.assert_array_equal(there, row.astype(np.float32))


def test_paths_change_no_bit_of_the_predictions(served: list[Predictions], bundle: Bundle) -> None:
    for plain, made in zip(run(engine_of(bundle), MARKET, 500), served, strict=True):
        assert plain.path is None
        for name in ("expected_return", "volatility", "p_down", "p_sideways", "p_up", "confidence", "direction"):
            np.testing.assert_array_equal(getattr(plain, name), getattr(made, name))


def test_a_part_of_predictions_has_its_part_of_the_paths(served: list[Predictions]) -> None:
    made = served[0]
    assert made.path is not None
    rows = np.arange(len(made.row)) % 3 == 0
    part = made.part(rows)
    assert part.path is not None
    np.testing.assert_array_equal(part.path, made.path[rows])
