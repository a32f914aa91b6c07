"""What the cross-section's kernels promise beside the laws: ranks of many rows, gaps, leaders that are absent."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.stats import rankdata

from features.catalogue import registered
from features.cross_asset.first_factor import first_factor
from features.cross_asset.ranks import write_ranks
from schema.bars import take_bars
from schema.features import FeatureRows
from schema.reasons import UNDEFINED_MASK, Why
from tests.laws.runs import COLUMNS, run, same_bits
from tests.laws.test_oracles import misses
from tests.markets import SECOND, Scene, scene
from tests.oracles.registry import ORACLES

# Their products of returns outlive a symbol that leaves, by a window; the oracle knows the rows that are there.
BASKET_WITH_GAPS = ("average_correlation_64", "absorption_64", "first_factor_loading_64")


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


@cache
def with_gaps() -> Scene:
    """Return the market `cents` without some bars: symbols that leave, come back and stay away, bar times with one."""
    market, rng = scene("cents"), np.random.default_rng(5)
    bars = market.bars
    second = (bars.time - bars.time[0]) // SECOND
    away = (bars.symbol == 0) & (second >= 150) & (second < 160)
    away |= (bars.symbol == 3) & (second >= 100) & (second % 90 == 0)
    away |= (bars.symbol == 4) & (second > 280)
    away |= (bars.symbol > 0) & (second == 200)
    away |= (bars.symbol == 2) & (rng.random(len(second)) < 0.002)
    return replace(market, bars=take_bars(bars, np.flatnonzero(~away)))


@cache
def rows_with_gaps() -> FeatureRows:
    return run(GROUPS, with_gaps())


@pytest.mark.parametrize("column", [name for name in NAMES if name not in BASKET_WITH_GAPS])
def test_columns_equal_their_oracles_where_bars_are_missing(column: str) -> None:
    market, found = with_gaps().market(), rows_with_gaps().values[:, NAMES.index(column)]
    expected, bound = ORACLES[column].expected(column, market), ORACLES[column].bound(column, market)
    assert np.isfinite(expected).sum() > 500
    assert not len(wrong := misses(found, expected, bound)), (wrong[0], found[wrong[0]], expected[wrong[0]])


@pytest.mark.parametrize("column", NAMES)
def test_values_stay_in_range_where_bars_are_missing(column: str) -> None:
    at = NAMES.index(column)
    values, why = rows_with_gaps().values[:, at], rows_with_gaps().why[:, at]
    low, high = COLUMNS[column].range
    assert np.array_equal(np.isnan(values), why & UNDEFINED_MASK != 0)
    assert np.nanmin(values) >= low
    assert np.nanmax(values) <= high


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
