"""Whole runs over folds: what is pooled, what goes on after a kill, what is learned further."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.config import TrainingConfig, WalkForward
from models.data.dataset import Dataset
from models.data.folds import folds_of
from models.data.problem import head
from models.progress import Step
from models.registry.registry import Registry
from models.runs.training import train
from models.training.checkpoints import BadCheckpoint
from models.training.walk import replay_fold
from tests.models.conftest import SMALL, WHEN
from tests.models.market import make_dataset, make_market

DATASET = make_dataset(make_market(4, 700, planted=0.4))
CONFIG = replace(
    SMALL,
    walk=WalkForward(train=300, validation=80, step=100, embargo=2, refit_every=2),
    nets=(replace(SMALL.nets[0], epochs=2),),
    trees=(replace(SMALL.trees[0], mean_trees=10, variance_trees=5),),
)


class Killed(BaseException):
    """As sudden as a signal, as far as Python code can tell."""


def killed_at(text: str, dataset: Dataset, config: TrainingConfig, root: Path) -> None:
    def progress(step: Step) -> None:
        if step.text.startswith(text):
            raise Killed

    with pytest.raises(Killed):
        train(dataset, config, root, progress, now=WHEN)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    root = tmp_path_factory.mktemp("undisturbed")
    train(DATASET, CONFIG, root, now=WHEN)
    return Registry(root)


def test_metrics_are_of_all_folds_together_and_of_each(undisturbed: Registry) -> None:
    metadata, folds = undisturbed.list()[0], folds_of(DATASET, CONFIG)
    metrics = metadata.metrics
    assert len(folds) == 3 and [fold["rows"] for fold in metrics["folds"]] == [len(fold.test) for fold in folds]
    assert metrics["rows"] == sum(len(fold.test) for fold in folds)
    assert [fold["refit"] for fold in metrics["folds"]] == [True, False, True]
    weighted = sum(fold["rows"] * fold["scores"]["ensemble"]["nll"] for fold in metrics["folds"]) / metrics["rows"]
    assert metrics["models"]["ensemble"]["nll"] == pytest.approx(weighted)
    assert metadata.data.slices["test"][2] == len(folds[-1].test)
    assert metrics["models"]["ensemble"]["information_coefficient"] > 0.2


def test_a_killed_run_goes_on_to_the_same_version(undisturbed: Registry, tmp_path: Path) -> None:
    killed_at("fold 3 of 3: gru: epoch 1", DATASET, CONFIG, tmp_path)
    assert Registry(tmp_path).list() == ()
    kept = {path.name for path in (tmp_path / ".runs" / "small").iterdir()}
    assert {"fold-0000-gru.safetensors", "fold-0001-lightgbm.json", "fold-0002-gru.safetensors"} <= kept
    train(DATASET, CONFIG, tmp_path, now=WHEN, resume=True)
    (ours,), (theirs,) = Registry(tmp_path).list(), undisturbed.list()
    assert ours.checksums == theirs.checksums
    assert ours.metrics == theirs.metrics
    assert not (tmp_path / ".runs" / "small").exists()


def test_another_runs_checkpoint_is_refused_by_name(tmp_path: Path) -> None:
    killed_at("fold 1 of 3: gru: epoch 1", DATASET, CONFIG, tmp_path)
    with pytest.raises(BadCheckpoint, match="it is of a run with other config; resume with the same"):
        train(DATASET, replace(CONFIG, seed=2), tmp_path, resume=True)
    other = replace(DATASET, sigma=DATASET.sigma * 1.5)
    with pytest.raises(BadCheckpoint, match="it is of a run with other data; resume"):
        train(other, CONFIG, tmp_path, resume=True)
    (tmp_path / ".runs" / "small" / "fold-0000-gru.safetensors").write_bytes(b"torn")
    with pytest.raises(BadCheckpoint, match="no safetensors file"):
        train(DATASET, CONFIG, tmp_path, resume=True)
    assert Registry(tmp_path).list() == ()


def test_training_on_takes_weights_and_columns_and_only_unseen_folds(tmp_path: Path) -> None:
    older = head(DATASET, int(np.searchsorted(DATASET.time, np.unique(DATASET.time)[500])))
    first = train(older, CONFIG, tmp_path, now=WHEN)
    known = Registry(tmp_path).show(first)
    config = replace(CONFIG, name="onward", source=first, replay=0.3, trees=())
    version = train(DATASET, config, tmp_path, now=WHEN)
    onward = Registry(tmp_path).show(version)
    assert onward.columns == known.columns and onward.volatility_floor == known.volatility_floor
    seen = known.data.slices["test"][0]
    assert all(fold["slices"]["stop"][0] >= seen for fold in onward.metrics["folds"])
    history = json.loads((tmp_path / version / "training_history.json").read_text())
    fresh = json.loads((tmp_path / first / "training_history.json").read_text())
    assert history[0]["fit_loss"] < fresh[0]["fit_loss"]
    with pytest.raises(ValueError, match="was trained up to the end of this history's last fold; give newer data"):
        train(older, config, tmp_path)


def test_training_on_replays_three_old_rows_to_seven_newer_ones() -> None:
    fold = folds_of(DATASET, CONFIG)[-1]
    known_until = int(DATASET.time[fold.fit[len(fold.fit) // 2]])
    drawn = replay_fold(DATASET, fold, known_until, replace(CONFIG, replay=0.3)).fit
    old, new = (drawn[older] for older in (DATASET.time[drawn] <= known_until, DATASET.time[drawn] > known_until))
    assert np.array_equal(new, fold.fit[DATASET.time[fold.fit] > known_until]), "all that is new"
    assert len(old) / len(drawn) == pytest.approx(0.3, abs=1e-3)
    assert set(old.tolist()) <= set(fold.fit.tolist()) and len(set(drawn.tolist())) == len(drawn)
    again = replay_fold(DATASET, fold, known_until, replace(CONFIG, replay=0.3)).fit
    assert np.array_equal(again, drawn)


@pytest.mark.parametrize("killed", ["before it is in place", "behind"])
def test_a_run_that_was_killed_around_its_publishing_makes_one_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: str
) -> None:
    """The caller never heard of the version, and asks again."""
    config = replace(CONFIG, nets=(), weights={"lightgbm": 1.0}, walk=None)
    publish = Registry.publish

    def broken(self: Registry, *given: object) -> str:
        if killed == "behind":
            publish(self, *given)  # type: ignore[arg-type]
            raise Killed
        monkeypatch.setattr("models.runs.training.write_version", torn)
        return publish(self, *given)  # type: ignore[arg-type]

    def torn(*given: object) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Registry, "publish", broken)
        train(DATASET, config, tmp_path, now=WHEN, run="job_1")
    monkeypatch.undo()
    version = train(DATASET, config, tmp_path, run="job_1", resume=True)
    assert [metadata.version for metadata in Registry(tmp_path).list()] == [version]
    assert version.endswith("_030405") == (killed == "behind")
    assert Registry(tmp_path).run_folder("job_1").is_dir(), "the caller's to forget"
    Registry(tmp_path).forget_run("job_1")
    assert not Registry(tmp_path).run_folder("job_1").exists()


def test_a_version_says_which_optimiser_it_ended_with(undisturbed: Registry) -> None:
    from models.training.checkpoints import load_checkpoint

    metadata = undisturbed.list()[0]
    tensors, about = load_checkpoint(undisturbed.path(metadata.version) / "optimiser.safetensors")
    assert about == {"version": metadata.version}
    assert "gru.exp_avg.output.weight" in tensors and int(tensors["gru.taken"]) > 0
