"""Trained, stored, loaded and served: what a net over windows and XGBoost say live is what they were trained to say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from models.config import NetConfig, TrainingConfig, TreesConfig
from models.data.inputs import Inputs
from models.registry.registry import Registry
from models.runs.training import train
from models.training.layouts import evaluate
from models.trees.flat import walk
from tests.models.market import FINGERPRINTS, NAMES, make_dataset, make_market
from tests.models.test_inference import engine_of, run

WINDOW = 8


def test_a_net_over_windows_and_xgboost_are_served_as_they_were_trained(small: TrainingConfig, tmp_path: Path) -> None:
    net = NetConfig("lstm_bidirectional", {"hidden": 12, "window": WINDOW}, batch=256, epochs=3, learning_rate=1e-2)
    trees = TreesConfig("xgboost", 30, 10, learning_rate=0.15, least_rows_a_leaf=50)
    market = make_market(6, 900, planted=0.4)
    config = replace(small, nets=(net,), trees=(trees,), weights={"lstm_bidirectional": 0.5, "xgboost": 0.5})
    bundle = Registry(tmp_path).load(train(make_dataset(market), config, tmp_path))
    metadata = bundle.metadata
    assert bundle.window == WINDOW
    for name in ("lstm_bidirectional", "xgboost", "ensemble"):
        assert metadata.metrics["models"][name]["information_coefficient"] > 0.2, name

    live = make_market(6, 120, planted=0.4, seed=3)
    made = run(engine_of(bundle), live, 6)
    every = np.arange(len(live.bars.time))
    inputs = Inputs(metadata.columns, NAMES, FINGERPRINTS)
    x, eligible = inputs.make(live.rows.values, every), inputs.eligible(live.rows.values, every)
    heads = evaluate(bundle.nets["lstm_bidirectional"], x, live.bars.symbol, eligible)[:, metadata.primary - 1]
    forest = walk(bundle.trees["xgboost"].mean, x)
    place = {(int(t), int(s)): k for k, (t, s) in enumerate(zip(live.bars.time, live.bars.symbol, strict=True))}
    both = 0
    for p in made:
        rows = np.array([place[int(t), int(s)] for t, s in zip(p.time, p.symbol, strict=True)])
        spoken = np.isfinite(heads[rows, 0])
        np.testing.assert_array_equal(np.isfinite(p.members["lstm_bidirectional"][:, 0]), spoken)
        mean = np.where(spoken, 0.5 * heads[rows, 0] + 0.5 * forest[rows], forest[rows])
        np.testing.assert_allclose(p.expected_return, mean * p.unit, rtol=1e-4, atol=1e-9)
        both += int(spoken.sum())
    assert both > 500
