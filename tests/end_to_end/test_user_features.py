"""A user's own package of features: found by name, computed in a replay, held to the laws by one command."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from ops.commands import feature_check
from ops.errors import ConfigurationError
from ops.settings import load
from tests.end_to_end.runs import command, undertone
from tests.ops.commands import ROOT, clean_environment

EXAMPLE = ROOT / "docs" / "examples" / "undertone_extra" / "undertone_extra"
MODULE = "undertone_extra.strength"
GROUP, COLUMN, MEAN = "internal_bar_strength", "internal_bar_strength", "internal_bar_strength_10"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the example, in a folder that is on the path of a run there."""
    return shutil.copytree(EXAMPLE, tmp_path / "undertone_extra", ignore=shutil.ignore_patterns("__pycache__"))


def path_with(folder: Path) -> str:
    return os.pathsep.join((str(ROOT), str(folder)))


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = clean_environment(PYTHONPATH=path_with(folder))
    return subprocess.run(command(*arguments), cwd=folder, env=environ, capture_output=True, text=True, timeout=300)


def test_the_example_keeps_all_laws(package: Path) -> None:
    folder = package.parent
    answer = undertone("features", "check", MODULE, folder=folder, PYTHONPATH=path_with(folder))
    assert (answer["groups"], answer["columns"], answer["laws"]) == ([GROUP], 2, "hold")


def test_a_planted_look_ahead_is_named_with_its_law(package: Path) -> None:
    module = package / "strength.py"
    honest, seer = "(bars.close[k] - low)", "(bars.close[min(k + 30, len(bars.series) - 1)] - low)"
    module.write_text(module.read_text().replace(honest, seer))
    done = run("features", "check", MODULE, folder=package.parent)
    assert done.returncode == 1, done.stderr[-2000:]
    broken = [line.split("  ")[0] for line in done.stdout.splitlines() if COLUMN in line]
    assert "past does not see the future" in broken


def test_its_columns_are_in_the_list_and_in_the_rows_of_a_replay(package: Path) -> None:
    folder, chosen = package.parent, ("--set", f"features.modules={MODULE}", "--set", "features.families=calendar")
    listed = undertone("features", "list", *chosen, folder=folder, PYTHONPATH=path_with(folder))
    assert {COLUMN, MEAN} <= {column["name"] for column in listed["columns"]}
    prices = [100 + (7 * k % 13) / 100 for k in range(240)]
    rows = [f"2013-10-08T14:00:{k // 4:02d}.{k % 4}Z,IBM,trade,{price},100,,,,\n" for k, price in enumerate(prices)]
    header = "ts,symbol,kind,price,size,bid,bid_size,ask,ask_size\n"
    (folder / "ticks.csv").write_text(header + "".join(rows), encoding="utf-8")
    undertone(
        "replay", "ticks.csv", *chosen, "--timeframe", "1s", "--model", "none", "--store", "sqlite:///rows.db",
        "--set", "store.features_from_s=0", folder=folder, PYTHONPATH=path_with(folder),
    )  # fmt: skip
    with sqlite3.connect(folder / "rows.db") as store:
        found = store.execute(
            f"SELECT (close - low) / (high - low), {COLUMN}, {MEAN} FROM replay__bars "
            "JOIN replay__features USING (time, symbol, timeframe) ORDER BY time"
        ).fetchall()
    assert len(found) > 50
    assert all(expected == strength for expected, strength, _ in found)
    assert [mean is None for _, _, mean in found] == [k < 9 for k in range(len(found))]


@pytest.mark.parametrize(
    ("module", "text", "expected"),
    [
        ("undertone_extra.absent", None, "no module 'undertone_extra.absent' is found"),
        ("undertone_extra.empty", "", "registers no group of its own"),
        ("undertone_extra.wrong", "import nowhere_at_all\n", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
    ],
)
def test_a_module_without_features_stops_the_start(package: Path, module: str, text: str | None, expected: str) -> None:
    if text is not None:
        (package / f"{module.rpartition('.')[2]}.py").write_text(text)
    done = run("run", "--for", "1s", "--set", f"features.modules={module}", folder=package.parent)
    assert done.returncode == 78
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert "features.modules" in done.stderr


def test_a_group_that_is_not_there_is_not_checked(tmp_path: Path) -> None:
    done = run("features", "check", "--only", "smaratio", folder=tmp_path)
    assert done.returncode == 1
    assert "nearest known one is sma_ratio" in done.stderr


def test_an_unknown_family_stops_the_start(tmp_path: Path) -> None:
    done = run("run", "--for", "1s", "--set", "features.families=calendar,astrology", folder=tmp_path)
    assert done.returncode == 78
    assert "features.families names ['astrology'], expected some of technical" in done.stderr


def test_an_installation_without_the_laws_says_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_check, "LAWS", tmp_path / "tests" / "laws")
    with pytest.raises(ConfigurationError, match=r"is not there.*clone the project's repository.*make \.venv"):
        feature_check.run(load([], [], {}, {}), json=True, modules=[], only="sma_ratio")
