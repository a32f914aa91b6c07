from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.config import TrainingConfig, preset
from models.data.inputs import Inputs
from models.registry.bundle import Bundle
from models.registry.registry import Registry, RegistryError
from models.runs.training import train
from models.training.layouts import evaluate
from models.trees.flat import parse_forest, walk
from tests.models.conftest import WHEN
from tests.models.market import make_dataset, make_market


def test_a_planted_signal_is_learned_by_every_member(registry: Registry) -> None:
    metrics = registry.list()[0].metrics
    naive = metrics["baselines"]
    for name, scores in metrics["models"].items():
        assert scores["r2_zero"] > 0.1, name
        assert scores["directional_accuracy"] > 0.6, name
        assert scores["information_coefficient"] > 0.3, name
        assert scores["nll"] < min(naive["no_change"]["nll"], naive["ewma_volatility"]["nll"]) - 0.05, name
        assert scores["log_loss"] < naive["majority_class"]["log_loss"] - 0.05, name


def test_a_martingale_is_not_beaten(small: TrainingConfig, tmp_path: Path) -> None:
    version = train(make_dataset(make_market(8, 900, planted=0.0, seed=5)), small, tmp_path)
    metrics = Registry(tmp_path).show(version).metrics
    independent = metrics["rows"] / small.primary  # labels overlap
    for name, scores in metrics["models"].items():
        assert scores["r2_zero"] < 0.01, name
        assert abs(scores["directional_accuracy"] - 0.5) < 3.5 * 0.5 / np.sqrt(independent), name
        assert scores["nll"] > metrics["baselines"]["no_change"]["nll"] - 0.01, name


def test_training_twice_gives_the_same_files(small: TrainingConfig, tmp_path: Path) -> None:
    dataset = make_dataset(make_market(6, 900, planted=0.4))
    config = replace(small, nets=(replace(small.nets[0], epochs=2),))
    a, b = (Registry(tmp_path).show(train(dataset, config, tmp_path, now=WHEN)) for _ in range(2))
    assert a.checksums == b.checksums
    assert a.metrics == b.metrics
    assert set(a.checksums) == {"weights.safetensors", "lightgbm_mean.txt", "lightgbm_variance.txt", "drift.json"}


def test_a_loaded_version_predicts_what_the_trained_one_did(registry: Registry, bundle: Bundle) -> None:
    """The metrics of the metadata come out again from the files alone."""
    dataset, metadata = make_dataset(make_market(8, 900, planted=0.4)), bundle.metadata
    first, last, rows = metadata.data.slices["test"]
    test = (dataset.time >= first) & (dataset.time <= last) & dataset.eligible
    test &= np.isfinite(dataset.returns[:, metadata.primary - 1])
    assert test.sum() == rows
    x = Inputs(metadata.columns, dataset.columns, dataset.fingerprints).make(
        dataset.values, np.arange(len(dataset.time))
    )
    returns = dataset.returns[test, metadata.primary - 1]
    unit = np.maximum(dataset.sigma, metadata.volatility_floor)[test] * np.sqrt(metadata.primary)
    net = evaluate(bundle.nets["gru"], x, dataset.symbol, dataset.eligible)[test, metadata.primary - 1, 0]
    trees = walk(bundle.trees["lightgbm"].mean, x[test])
    for name, mean in (("gru", net), ("lightgbm", trees)):
        r2 = 1 - np.sum((returns - mean * unit) ** 2) / np.sum(returns.astype(float) ** 2)
        assert r2 == pytest.approx(metadata.metrics["models"][name]["r2_zero"], abs=1e-9)


def test_the_version_holds_what_a_reader_needs(registry: Registry, bundle: Bundle) -> None:
    path, metadata = registry.path(bundle.metadata.version), bundle.metadata
    pictures = {"training_curves", "folds", "baselines", "calibration", "confusion", "importance"}
    assert {p.name for p in path.iterdir()} == {
        *metadata.checksums, "optimiser.safetensors", "metadata.json", "training_history.json", "training_report.md",
        "data_quality.md", "data_quality.json", *(f"{name}.png" for name in pictures),
    }  # fmt: skip
    history = json.loads((path / "training_history.json").read_text())
    assert history[-1]["stop_loss"] < history[0]["stop_loss"]
    report = (path / "training_report.md").read_text()
    for word in ("naive: no_change", "naive: reversal", "insufficient: 1 days", metadata.fingerprint, "labels: mid"):
        assert word in report
    forest = parse_forest((path / "lightgbm_mean.txt").read_text())
    assert 1 < len(forest.root) <= 30


def test_an_absent_member_leaves_its_weight_to_the_others(small: TrainingConfig, tmp_path: Path) -> None:
    dataset = make_dataset(make_market(6, 900, planted=0.4))
    config = replace(small, nets=(), weights={"gru": 0.35, "lightgbm": 0.4})
    loaded = Registry(tmp_path).load(train(dataset, config, tmp_path))
    assert loaded.weights == {"lightgbm": 1.0}
    assert loaded.absent == ("gru",)
    scores = loaded.metadata.metrics["models"]
    assert scores["ensemble"]["log_loss"] == pytest.approx(scores["lightgbm"]["log_loss"])


def test_what_cannot_be_trained_is_refused(small: TrainingConfig, tmp_path: Path) -> None:
    dataset = make_dataset(make_market(6, 900))
    with pytest.raises(ValueError, match=r"primary horizon 11, expected one of 1 \.\. 10 bars"):
        train(dataset, replace(small, primary=11), tmp_path)
    with pytest.raises(ValueError, match="no member is configured"):
        train(dataset, replace(small, nets=(), trees=()), tmp_path)
    with pytest.raises(ValueError, match=r"'quik' is unknown; expected one of \['default', 'quick'\]"):
        preset("quik")
    assert not list(tmp_path.iterdir())


def test_files_that_do_not_fit_the_metadata_are_refused(registry: Registry, bundle: Bundle, tmp_path: Path) -> None:
    source, copy = registry.path(bundle.metadata.version), tmp_path / bundle.metadata.version
    copy.mkdir()
    for file in source.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    metadata = json.loads((copy / "metadata.json").read_text())
    metadata["members"]["gru"]["options"]["hidden"] = 13
    (copy / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(RegistryError, match=r"(?s)can't be loaded: .*size mismatch"):
        Registry(tmp_path).load(bundle.metadata.version)
