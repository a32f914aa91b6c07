"""What the cross-section's kernels promise beside the laws: ranks of many rows, gaps, leaders that are absent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import rankdata

from features.catalogue import registered
from features.cross_asset.first_factor import first_factor
from features.cross_asset.ranks import write_ranks
from schema.features import FeatureRows
from schema.reasons import Why
from tests.laws.runs import run, same_bits
from tests.markets import scene


@pytest.mark.parametrize("rows", [2, 3, 47, 48, 1_000])
@pytest.mark.parametrize("kind", ["normal", "ties", "close", "wide", "flat"])
def test_ranks_are_those_of_scipy(kind: str, rows: int) -> None:
    rng = np.random.default_rng(rows)
    values = {
        "normal": rng.normal(size=rows),
        "ties": rng.integers(-3, 4, rows) * 1e-4,
        "close": 1.0 + rng.integers(0, 50, rows) * 2.0**-52,
        "wide": rng.normal(size=rows) * 10.0 ** rng.uniform(-300, 300, rows),
        "flat": np.where(rng.random(rows) < 0.5, 0.0, -0.0),
    }[kind]
    values[:: max(rows // 3, 2)] = np.nan if rows > 3 else values[0]
    out, why = np.zeros(rows + 5), np.zeros(rows + 5, np.uint8)
    write_ranks(values, 5, int(Why.NO_QUOTES), out, why)
    known = ~np.isnan(values)
    assert np.array_equal(out[5:][known], (rankdata(values[known]) - 1) / (known.sum() - 1))
    assert np.isnan(out[5:][~known]).all()
    assert np.array_equal(why[5:], np.where(known, 0, Why.NO_QUOTES))
    assert not out[:5].any()


GROUPS = registered(["cross_asset"])
NAMES = [column.name for group in GROUPS for column in group.columns]


def test_without_leaders_their_columns_have_no_feed() -> None:
    market = replace(scene("cents"), leaders=())
    found = run(GROUPS, market)
    led = [at for at, name in enumerate(NAMES) if "_leader_" in name]
    assert len(led) == 8
    known = found.why[:, NAMES.index("market_beta_60")] == 0
    assert (found.why[known][:, led] == Why.NO_FEED).all()
    others = [at for at in range(len(NAMES)) if at not in led]
    whole = run(GROUPS, scene("cents"))
    assert same_bits(
        FeatureRows(found.values[:, others], found.why[:, others]),
        FeatureRows(whole.values[:, others], whole.why[:, others]),
    ).all()


@pytest.mark.parametrize("rows", [40, 1_000])
@pytest.mark.parametrize("weight", [0.5, 1.0, 3.0])
def test_the_first_factor_of_many_is_that_of_numpy(weight: float, rows: int) -> None:
    rng = np.random.default_rng([rows, int(10 * weight)])
    returns = rng.normal(size=(rows, 64)) + weight * (1 + rng.normal(size=(rows, 1))) * rng.normal(size=64)
    path, factor = returns.mean(axis=0) - returns.mean(), np.empty(64)
    first, second = first_factor(returns.T @ returns, path, factor)
    apart = returns - returns.mean(axis=1)[:, None]
    values, vectors = np.linalg.eigh(apart.T @ apart)
    assert first == pytest.approx(values[-1], rel=1e-12)
    assert second == pytest.approx(values[-2], rel=0.02)  # of no factor: only good enough for the gap
    assert np.abs(factor - vectors[:, -1] * np.sign(vectors[:, -1] @ path)).max() < 1e-8
