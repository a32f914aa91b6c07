"""One small trained version that the tests of this folder share."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.config import QUICK, NetConfig, TrainingConfig, TreesConfig
from models.registry.bundle import Bundle
from models.registry.registry import Registry
from models.runs.training import train
from tests.models.market import make_dataset, make_market

torch.set_num_threads(1)
SMALL = replace(
    QUICK,
    name="small",
    primary=3,
    embargo=20,
    walk=None,
    columns=0,
    nets=(NetConfig(options={"hidden": 12}, streams=8, chunk=32, burn_in=16, epochs=6, learning_rate=1e-2),),
    trees=(TreesConfig(mean_trees=30, variance_trees=10, learning_rate=0.15, least_rows_a_leaf=50),),
)
WHEN = dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


@pytest.fixture(scope="session")
def small() -> TrainingConfig:
    return SMALL


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """A registry with two versions trained on a planted market, of other seeds."""
    root: Path = tmp_path_factory.mktemp("models")
    dataset = make_dataset(make_market(8, 900, planted=0.4))
    for seed in (1, 2):
        train(dataset, replace(SMALL, seed=seed), root, now=WHEN)
    return Registry(root)


@pytest.fixture(scope="session")
def bundle(registry: Registry) -> Bundle:
    return registry.load("small_20240102_030405")


@pytest.fixture(scope="session")
def other(registry: Registry) -> Bundle:
    return registry.load("small_20240102_030405_2")
