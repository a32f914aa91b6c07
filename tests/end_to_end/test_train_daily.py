"""`undertone train` on daily bars: every registered architecture, and what a failed run must leave alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from models.architectures import architectures
from models.registry import Registry
from ops.settings.layers import variable
from tests.ops.commands import undertone

SMALL = ("universe.symbols=SPY,IBM,AAPL", "bars.calendar=XNYS", "train.folds=1", "train.epochs=1",
         "train.columns=8", "train.train_bars=150", "train.validation_bars=60", "train.step_bars=40",
         "train.batch=512")  # fmt: skip


@pytest.fixture(scope="session")
def bars() -> Path:
    folder = os.environ.get("UNDERTONE_DATA") or os.environ.get(variable("data", "folder"))
    if not folder:
        pytest.skip("UNDERTONE_DATA names no folder of recorded data")
    return Path(folder) / "us-equities-daily.parquet"


def options(root: Path, *more: str) -> list[str]:
    return [word for one in (f"registry.root={root}", *SMALL, *more) for word in ("--set", one)]


@pytest.mark.timeout(900)
def test_every_architecture_is_trained_on_daily_bars(bars: Path, tmp_path: Path) -> None:
    names = ["lightgbm", "xgboost", *architectures()]
    wanted = [word for name in names for word in ("--model", name)]
    call = undertone("train", str(bars), "--timeframe", "1d", "--preset", "quick", "--json", *wanted,
                     *options(tmp_path / "models"), folder=tmp_path)  # fmt: skip
    assert call.returncode == 0, call.stderr
    answers = json.loads(call.stdout)["versions"]
    assert [answer["version"].rsplit("_", 2)[0] for answer in answers] == names
    registry = Registry(tmp_path / "models")
    for answer, name in zip(answers, names):
        bundle = registry.load(answer["version"])
        assert list(bundle.metadata.members) == [name]
        assert bundle.metadata.timeframe == "1d"
        assert answer["metrics"]["rows"] > 50
        assert {"no_change", "ewma_volatility", "majority_class"} <= set(answer["metrics"]["baselines"])
        assert (registry.path(answer["version"]) / "training_report.md").is_file()
    assert registry.activations() == {}
    assert not list((tmp_path / "models" / ".runs").iterdir())


def test_a_failed_run_leaves_the_active_model_and_no_half_version(bars: Path, tmp_path: Path) -> None:
    root = tmp_path / "models"
    train = ("train", str(bars), "--timeframe", "1d", "--preset", "quick", "--model", "gru")
    assert undertone(*train, *options(root), folder=tmp_path).returncode == 0
    (version,) = (m.version for m in Registry(root).list())
    Registry(root).activate(version)
    before = {path.name: path.read_bytes() for path in (root / version).iterdir()}
    failed = undertone(*train, *options(root,
                                        "train.train_bars=9000"),
                       folder=tmp_path)  # fmt: skip
    assert failed.returncode == 1
    assert "expected at least 9000 + 60 + 40" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert [m.version for m in Registry(root).list()] == [version]
    assert Registry(root).active("1d") == version
    assert before == {path.name: path.read_bytes() for path in (root / version).iterdir()}
    Registry(root).load(version)


def test_an_unknown_architecture_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    call = undertone("train", "none.parquet", "--model", "grru", folder=tmp_path)
    assert call.returncode == 2
    assert "--model grru: grru; expected one of candle_cnn, cnn," in call.stderr
