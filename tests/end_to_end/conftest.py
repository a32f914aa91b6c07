"""A trained model and recorded ticks that the end-to-end tests share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dataflows.history import feature_history
from dataflows.sources.recording import write_parquet
from dataflows.sources.synthetic import SyntheticMarket
from models.config import preset
from models.registry.registry import Registry
from models.runs.training import train
from ops.commands.train import history_dataset
from ops.settings import Settings, load
from tests.end_to_end.runs import TIMEFRAMES

SYMBOLS = 6


@pytest.fixture(scope="session")
def ticks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes of a synthetic market with all its faults."""
    path = tmp_path_factory.mktemp("ticks") / "synthetic.parquet"
    write_parquet(SyntheticMarket(SYMBOLS, seed=5, duration_s=600, faults=0.01), path)
    return path


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with two small versions for 1 s bars, the first of them active."""
    root = tmp_path_factory.mktemp("models")
    settings: Settings = load([], [f"bars.timeframes={TIMEFRAMES}"], {}, {})
    market = SyntheticMarket(SYMBOLS, seed=3, duration_s=900)
    dataset = history_dataset(settings, "1s", feature_history(settings, market))
    quick = preset("quick")
    quick = replace(quick, name="small", walk=None, nets=(replace(quick.nets[0], epochs=2),))
    first = train(dataset, quick, root)
    train(dataset, replace(quick, seed=2), root)
    Registry(root).activate(first)
    return root
