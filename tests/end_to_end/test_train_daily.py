"""Training on daily bars: every registered architecture, and what a failed run must leave alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.architectures import architectures
from models.config import TREES
from models.registry.registry import Registry
from ops.commands import train
from ops.drain import Drain
from ops.settings import Settings, load
from tests.ops.commands import undertone

SMALL = ("universe.symbols=SPY,IBM,AAPL", "bars.timeframes=1d", "bars.calendar=XNYS", "train.preset=quick",
         "train.folds=1", "train.epochs=1", "train.columns=8", "train.train_bars=150", "train.validation_bars=60",
         "train.step_bars=40", "train.batch=512")  # fmt: skip


class Stays(Drain):
    """Nobody asks it to stop."""


@pytest.fixture(scope="module")
def bars(data_folder: Path) -> Path:
    return data_folder / "us-equities-daily.parquet"


def settings_of(root: Path, *more: str) -> Settings:
    return load(
        [],
        [
            *SMALL,
            f"registry.root={root}",
            "tracking.url=json:",
            f"tracking.directory={root.parent / 'tracking'}",
            *more,
        ],
        {},
        {},
    )


def run(settings: Settings, bars: Path, *models: str) -> int:
    return train.run(
        settings, json=True, drain=Stays(), files=[str(bars)], models=list(models), model_name=None, resume=False
    )


@pytest.fixture(scope="module")
def trained(bars: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("daily") / "models"
    assert run(settings_of(root), bars, *TREES, *architectures()) == 0
    return root


@pytest.mark.timeout(900)
def test_every_architecture_is_trained_on_daily_bars(trained: Path) -> None:
    registry = Registry(trained)
    versions = {metadata.version.rsplit("_", 2)[0]: metadata for metadata in registry.list()}
    assert sorted(versions) == sorted((*TREES, *architectures()))
    for name, metadata in versions.items():
        assert list(registry.load(metadata.version).metadata.members) == [name]
        assert metadata.timeframe == "1d"
        assert metadata.metrics["rows"] > 50
        assert {"no_change", "ewma_volatility", "majority_class"} <= set(metadata.metrics["baselines"])
        assert (registry.path(metadata.version) / "training_report.md").is_file()
    assert registry.activations() == {}
    assert not list((trained / ".runs").iterdir())


def test_a_failed_run_leaves_the_active_model_and_no_half_version(
    bars: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The net's loss is no number in the last fold, after the others went well."""
    registry = Registry(trained)
    before = {metadata.version for metadata in registry.list()}
    active = next(version for version in before if version.startswith("gru_2"))
    registry.activate(active)
    files = {path.name: path.read_bytes() for path in registry.path(active).iterdir()}
    monkeypatch.setattr("models.training.learner.rate_share", lambda schedule, step, steps: float("nan"))
    with pytest.raises(ValueError, match=r"the loss of gru is nan in .*mini-batch \d+ of \d+; lower train.learning"):
        run(settings_of(trained, "train.epochs=2"), bars, "gru")
    assert {metadata.version for metadata in registry.list()} == before
    assert registry.active("1d") == active
    assert files == {path.name: path.read_bytes() for path in registry.path(active).iterdir()}
    registry.load(active)


def test_an_unknown_architecture_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    call = undertone("train", "none.parquet", "--model", "grru", folder=tmp_path)
    assert call.returncode == 2
    assert "--model grru: grru; expected one of candle_cnn, cnn," in call.stderr
