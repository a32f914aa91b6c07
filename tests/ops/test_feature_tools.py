"""`undertone features cost`, `plot` and `spectrogram`."""

from __future__ import annotations

from pathlib import Path

import lightgbm
import numpy as np
import pytest

from dataflows.inspection.feature_series import FeatureSeries
from dataflows.inspection.spectrogram import spectrogram
from models.trees.flat import split_gains
from tests.ops.test_commands import GOOD, Program, program, ticks_file

__all__ = ["program"]  # a fixture
MINUTES = "2013-10-08T14:{:02d}:{:02d}Z,IBM,trade,180.{:02d},100,,,,\n"


def test_cost_measures_every_group_and_shares_it_among_its_columns(program: Program) -> None:
    page = program.folder / "costs.md"
    code, answer = program(
        "features", "cost", "--families", "calendar", "--symbols", "3", "--batches", "3", "--write", str(page)
    )
    assert code == 0
    assert {group["group"] for group in answer["groups"]} == {"date", "season", "session"}
    assert all(group["ns"] > 0 and group["bytes_per_series"] > 0 for group in answer["groups"])
    assert answer["model"] == {"version": None, "gain_shares": {}, "not_available": {}}
    text = page.read_text(encoding="utf-8")
    assert "Commit `" in text
    assert "| time_of_day_sin | date |" in text


def test_cost_names_a_model_that_is_not_there(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    from ops.cli import main

    with pytest.raises(SystemExit) as left:
        main(["features", "cost", "--model", "nobody", "--set", f"registry.root={program.folder}"])
    assert left.value.code == 78
    assert "model 'nobody' is not in the registry" in capsys.readouterr().err


def test_gains_are_those_of_lightgbm() -> None:
    random = np.random.default_rng(3)
    x = random.standard_normal((800, 5))
    y = x[:, 1] + x[:, 3] ** 2
    booster = lightgbm.train({"verbose": -1, "seed": 1, "num_threads": 1}, lightgbm.Dataset(x, y), num_boost_round=20)
    expected = booster.feature_importance("gain")
    np.testing.assert_allclose(split_gains(booster.model_to_string(), 5), expected, rtol=1e-4)


def test_a_cycle_of_eight_bars_has_its_power_there() -> None:
    n = np.arange(400)
    close = 100.0 * np.exp(0.001 * np.sin(2 * np.pi * n / 8))
    none = np.empty((400, 0))
    series = FeatureSeries("IBM", "1s", (), n.astype(np.int64), close, none, none.astype(np.uint8))
    image = spectrogram(series, 64)
    assert image.power.shape == (32, 400 - 64)
    assert (image.frequency[image.power.argmax(axis=0)] == 1 / 8).all()
    returns = np.diff(np.log(close))[:64]
    weights = np.append(np.full(31, 2.0), 1.0)
    assert (weights * image.power[:, 0]).sum() == pytest.approx(64 * returns.var(), rel=1e-9)
    with pytest.raises(ValueError, match="needs 513 bars"):
        spectrogram(series, 512)


def test_the_same_ticks_give_the_same_picture(program: Program) -> None:
    rows = [MINUTES.format(k // 60, k % 60, 50 + k % 7) for k in range(300)]
    file = ticks_file(program.folder, *rows)
    pictures = []
    for name in ("a.png", "b.png"):
        code, answer = program(
            "features", "plot", "IBM", file, "--names", "minutes_from_open,time_of_day_sin", "--timeframe", "10s",
            "--out", name,
        )  # fmt: skip
        assert (code, answer["bars"]) == (0, 29)  # the last bar is not over
        pictures.append((program.folder / name).read_bytes())
    assert pictures[0].startswith(b"\x89PNG")
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["plot", "IBM", "--names", "rsi_15"], 1, "columns ['rsi_15'] are not in the catalogue"),
        (["plot", "IBM", "--names", ","], 2, "--names names no column"),
        (["plot", "XYZ", "--names", "time_of_day_sin"], 1, "symbol 'XYZ' has no bar there; the files have IBM"),
        (["spectrogram", "IBM", "--window", "33"], 2, "--window is 33, expected one of (32, 64, 128, 256)"),
    ],
)
def test_what_can_not_be_drawn_is_said(
    arguments: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ops.cli import main

    file = ticks_file(tmp_path, *(GOOD.format(k, k) for k in range(5)))
    with pytest.raises(SystemExit) as left:
        main(["features", *arguments[:2], file, *arguments[2:], "--timeframe", "1s", "--out", str(tmp_path / "x.png")])
    assert left.value.code == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()
