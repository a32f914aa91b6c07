"""`undertone evaluate` and `undertone backtest` on a small history: a version is judged where it never learned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.evaluation.trials import TrialLedger
from models.leaks.market import make_bars
from models.registry.registry import Registry
from ops.commands import backtest, evaluate, train
from ops.commands.leaks import write_bars
from ops.drain import Drain
from ops.settings import Settings, load

SMALL = ("bars.timeframes=1d", "train.preset=quick", "train.epochs=2", "train.columns=8", "train.train_bars=300",
         "train.validation_bars=100", "train.step_bars=100", "train.folds=2",
         "features.families=technical,statistical,microstructure")  # fmt: skip


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bars(make_bars(4, 760, 0.2, 11), tmp_path_factory.mktemp("evaluate") / "bars.parquet")


@pytest.fixture(scope="module")
def settings(bars: Path) -> Settings:
    return load(
        [],
        [
            *SMALL,
            f"registry.root={bars.parent / 'models'}",
            "tracking.url=json:",
            f"tracking.directory={bars.parent / 'tracking'}",
        ],
        {},
        {},
    )


@pytest.fixture(scope="module")
def version(settings: Settings, bars: Path) -> str:
    train.run(
        settings, json=True, drain=Drain(), files=[str(bars)], models=["gru+lightgbm"], model_name=None, resume=False
    )
    return Registry(settings.registry.root).list()[0].version


def answered(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_a_version_speaks_on_its_test_rows_as_it_was_scored_there(
    settings: Settings, version: str, bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last fold's scores come out again from the files alone, for vote and members."""
    evaluate.version(settings, json=True, drain=Drain(), version=version, files=[bars])
    found = answered(capsys)
    (*_, fold) = Registry(settings.registry.root).show(version).metrics["folds"]
    assert found["rows"] == fold["rows"] and found["of"] == version
    for ours, theirs in ((version, "ensemble"), ("gru", "gru"), ("lightgbm", "lightgbm")):
        for key in ("nll", "directional_accuracy", "log_loss", "information_coefficient"):
            assert found["scores"][ours][key] == pytest.approx(fold["scores"][theirs][key], rel=1e-6), (ours, key)
    assert {"naive: har_volatility", "naive: ewma_volatility", "naive: reversal"} <= found["scores"].keys()
    assert sum(part["rows"] for part in found["regimes"]["trend"].values()) == found["rows"]
    assert sum(part["rows"] for part in found["symbols"].values()) == found["rows"]
    assert set(found["symbols"]) == {"S000", "S001", "S002", "S003"}


def test_a_backtest_costs_what_it_trades_and_is_counted(
    settings: Settings, version: str, bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for fee in (0.5, 1.0, 1.0):
        costs = settings.backtest.model_copy(update={"fee_bps": fee})
        changed = settings.model_copy(update={"backtest": costs})
        backtest.run(changed, json=True, drain=Drain(), version=version, files=[bars])
        found.append(answered(capsys))
    once, twice, again = (one["backtests"][version] for one in found)
    assert once["gross_bps_a_day"] == twice["gross_bps_a_day"] and once["turnover_a_day"] > 0
    assert twice["fee_bps_a_day"] == pytest.approx(2 * once["fee_bps_a_day"])
    assert once["fee_bps_a_day"] > 0
    assert twice["net_bps_a_day"] < once["net_bps_a_day"]
    assert again == twice, "the same trial doesn't count twice"
    assert len(TrialLedger(settings.registry.root).of("1d").ratios) >= 2
    assert twice["trials"] > 1 and twice["deflated"] <= twice["probabilistic"]


def test_the_report_is_for_people(
    settings: Settings, version: str, bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate.walk(settings, json=False, drain=Drain(), files=[bars], models=["lightgbm"])
    told = capsys.readouterr().out
    for words in ("# lightgbm", "in direction:", "After costs it", "| volatility: usual |", "naive: har_volatility",
                  "at the next bar's open and half a spread of 2 bps", "### lightgbm by symbol"):  # fmt: skip
        assert words in told, words


def test_a_history_without_unseen_rows_is_refused(settings: Settings, version: str, tmp_path: Path) -> None:
    older = write_bars(make_bars(4, 400, 0.2, 11), tmp_path / "older.parquet")
    with pytest.raises(
        ValueError, match=r"evaluate: 0 labelled rows from 20\d\d-.* learned from ends, and 1,\d+ before"
    ):
        evaluate.version(settings, json=True, drain=Drain(), version=version, files=[older])
