"""Bar columns still equal their oracles where markets are wild: jumps of a fifth of the price, twenty minutes without
a move, a one-way stretch, volumes over twelve decades, and prices whose last bit is noise."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from features.catalogue import Family, Stage
from features.engine import FeatureEngine
from features.inputs import TickInputs
from schema.bars import BarFlag, empty_bars
from schema.features import FeatureRows
from schema.reasons import Why
from tests.laws.runs import CATALOGUE
from tests.laws.test_oracles import misses
from tests.markets import PRICES, SECOND, Scene
from tests.oracles.registry import ORACLES

QUOTES = {"bid", "ask", "mid"}  # the wild market has none, and a single symbol
GROUPS = [
    group
    for group in CATALOGUE
    if group.family in (Family.TECHNICAL, Family.STATISTICAL, Family.REGIME)
    if group.stage is Stage.BARS and group.name != "liquidity"
]
NAMES = [column.name for group in GROUPS for column in group.columns]
OF_PRICES = [column.name for group in GROUPS for column in group.columns if not QUOTES & set(column.inputs)]
BARS, SESSION = 6_000, 1_800


@cache
def wild(name: str, noisy: bool) -> Scene:
    """Return one symbol's bars of three prices each: open, one between, close."""
    rng, prices = np.random.default_rng([PRICES[name].level, noisy]), PRICES[name]
    moves = rng.integers(-prices.step, prices.step + 1, (BARS, 3)) * (rng.random((BARS, 3)) < 0.6)
    moves[1500:2700] = moves[3000:3040] = 0
    moves[4000:4100] = np.abs(moves[4000:4100])
    moves[[500, 1490, 2900, 3500], 1] += prices.level // 5
    moves[[600, 2750, 3600, 5000], 2] -= prices.level // 7
    path = (prices.level + np.cumsum(moves).reshape(BARS, 3)) / prices.per_unit
    if noisy:
        path *= 1 + (rng.random(path.shape) < 0.3) * 2.0**-52
    volume = np.where(rng.random(BARS) < 0.2, 0.0, 10.0 ** rng.uniform(-8, 4, BARS))
    volume[3020:3060] = 0
    row = np.arange(BARS)
    given = {
        "time": (row + 1) * SECOND, "start": row * SECOND, "open": path[:, 0], "high": path.max(axis=1),
        "low": path.min(axis=1), "close": path[:, 2], "volume": volume, "notional": volume * path.mean(axis=1),
        "mid": np.nan, "flags": np.where(row % SESSION == 0, int(BarFlag.SESSION_FIRST), 0),
    }  # fmt: skip
    empty = empty_bars(BARS)
    bars = empty._replace(
        **{
            field: np.broadcast_to(given.get(field, field == "basis"), BARS).astype(column.dtype)
            for field, column in empty._asdict().items()
        }
    )
    return Scene(TickInputs(*(np.zeros(0) for _ in TickInputs._fields)), bars, 1, (True,))


@cache
def rows(name: str, noisy: bool) -> FeatureRows:
    scene = wild(name, noisy)
    engine = FeatureEngine(GROUPS, 1, scene.by_time)
    computed = engine.tick_features(scene.ticks, scene.bars)
    engine.bar_features(scene.bars, computed)
    return computed


MARKETS = [(name, noisy) for name in ("cents", "bitcoin", "fine", "dust") for noisy in (False, True)]


@pytest.mark.parametrize(("name", "noisy"), MARKETS)
@pytest.mark.parametrize("column", OF_PRICES)
def test_column_equals_its_oracle_in_a_wild_market(column: str, name: str, noisy: bool) -> None:
    market, found = wild(name, noisy).market(), rows(name, noisy).values[:, NAMES.index(column)]
    expected, bound = ORACLES[column].expected(column, market), ORACLES[column].bound(column, market)
    assert np.isfinite(expected).sum() > 1000
    wrong = misses(found, expected, bound)
    assert not len(wrong), f"{len(wrong)} rows; row {wrong[0]} is {found[wrong[0]]!r}, expected {expected[wrong[0]]!r}"


@pytest.mark.parametrize("column", [column for column in ("mfi_14", "cmf_20") if column in NAMES])
def test_a_window_without_volume_says_no_trades(column: str) -> None:
    assert (rows("cents", False).why[3040:3060, NAMES.index(column)] == Why.NO_TRADES).all()
