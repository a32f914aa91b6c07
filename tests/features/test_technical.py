"""What technical kernels promise beside the laws: a long silence is forgotten and leaves no denormal numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import tests.oracles.technical_volume  # noqa: F401
from features.engine import FeatureEngine
from features.technical.volume_flow import FORGOTTEN, GROUP
from tests.features.test_wild_market import wild
from tests.laws.test_oracles import misses
from tests.markets import Scene
from tests.oracles.registry import ORACLES

LAST, NEXT = 300, 300 + FORGOTTEN + 50  # bars with volume, on either side of a silence
NAMES = [column.name for column in GROUP.columns]


def silent() -> Scene:
    """Return a wild market whose bars LAST .. NEXT - 1 have no volume."""
    scene = wild("cents", noisy=False)
    volume = scene.bars.volume.copy()
    volume[LAST:NEXT] = 0
    return replace(scene, bars=scene.bars._replace(volume=volume))


def run(scene: Scene, last: int) -> tuple[FeatureEngine, np.ndarray]:
    engine = FeatureEngine([GROUP], 1, scene.by_time)
    bars = type(scene.bars)(*(column[:last] for column in scene.bars))
    rows = engine.tick_features(scene.ticks, bars)
    engine.bar_features(bars, rows)
    return engine, rows.values


def test_a_long_silence_is_forgotten() -> None:
    engine, _ = run(silent(), NEXT)
    state = engine.snapshot()["state"]["volume_flow"]
    assert not state["means"].any()
    assert not state["ease"].any()


@pytest.mark.parametrize("column", NAMES)
def test_columns_equal_their_oracles_behind_a_long_silence(column: str) -> None:
    scene = silent()
    market, found = scene.market(), run(scene, len(scene.bars.time))[1][:, NAMES.index(column)]
    assert not len(misses(found, ORACLES[column].expected(column, market), ORACLES[column].bound(column, market)))
