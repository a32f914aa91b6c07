"""A short, seeded sample of `make chaos`, and proof that its verifier would have noticed."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dataflows.sources.recording import write_parquet
from dataflows.sources.synthetic import SyntheticMarket
from tests.ops.commands import ROOT, clean_environment
from tests.recovery import verifier
from tests.recovery.kill_points import POINTS, Plan
from tests.recovery.rigs import FilesSqlite
from tests.servers import QuestDb

KILLS = 15  # every point once


@pytest.mark.slow
def test_nothing_is_lost_whatever_the_moment_of_the_kill() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.recovery.chaos", "--kills", str(KILLS), "--seed", "20261121", "--seconds", "500",
         "--json"],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    outcome = json.loads(done.stdout)
    assert outcome["faults"] == []
    assert outcome["killed"] == KILLS
    assert len(outcome["kills"]) >= len(POINTS)
    assert outcome["batches"] > KILLS
    assert outcome["checkpoints"] > KILLS / 2


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_is_lost_in_questdb(questdb: QuestDb) -> None:
    """Six kills; the chaos starts a server of its own, the fixture says whether one can be had."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.recovery.chaos", "--kills", "6", "--seed", "7", "--seconds", "400", "--json",
         "--store", "questdb"],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=550, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    outcome = json.loads(done.stdout)
    assert (outcome["faults"], outcome["killed"]) == ([], 6)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> FilesSqlite:
    folder = tmp_path_factory.mktemp("input")
    write_parquet(SyntheticMarket(3, seed=5, duration_s=60, faults=0.01), folder / "ticks.parquet")
    return FilesSqlite(folder / "ticks.parquet", folder / "models")


def run(rig: FilesSqlite, folder: Path, *more: str, at: str | None = None) -> subprocess.CompletedProcess[str]:
    environ = clean_environment(**({} if at is None else {"UNDERTONE_KILL_AT": at}))
    arguments = [*rig.arguments(folder), *more]
    return subprocess.run(
        [sys.executable, "-m", "tests.recovery.life", *arguments], cwd=folder, env=environ, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(rig: FilesSqlite, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run without a model, so without predictions and decisions about one."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    rig.prepare(folder)
    done = run(rig, folder, "--set", "inference.model=none")
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


NOTHING = ["predictions: nothing to compare"]
TAMPERED = {
    "DELETE FROM bars WHERE time = (SELECT max(time) FROM bars)": "bars: ",
    "UPDATE features SET validity = x'00' WHERE time = (SELECT min(time) FROM features)": "features: .* other bits",
    "DELETE FROM ticks WHERE offset = 100": "ticks: 1 ticks of the input have no verdict",
    "UPDATE bars SET high = high + 1 WHERE trades > 0": "differ from a plain loop",
    "INSERT INTO predictions (time, symbol, timeframe, bar_sequence, horizon, model_version, sequence) "
    "VALUES (1, 'A', '1s', 0, 1, 'v', 2)": "sequence has gaps",
}


@pytest.mark.parametrize("statement", TAMPERED)
def test_the_verifier_notices(
    rig: FilesSqlite, whole: tuple[Path, dict[str, Any]], tmp_path: Path, statement: str
) -> None:
    folder, totals = whole
    assert verifier.faults(rig, folder, totals, folder, totals) == NOTHING
    (tmp_path / "var").mkdir()
    with (
        closing(sqlite3.connect(folder / "var" / "undertone.db")) as source,
        closing(sqlite3.connect(tmp_path / "var" / "undertone.db")) as copy,
    ):
        source.backup(copy)
        copy.execute(statement)
        copy.commit()
    found = verifier.faults(rig, tmp_path, totals, folder, totals)
    assert any(re.search(TAMPERED[statement], fault) for fault in found), found
    assert verifier.faults(rig, folder, {**totals, "certificate": "other"}, folder, totals) != NOTHING


def test_a_kill_by_the_environment_before_the_first_checkpoint(
    rig: FilesSqlite, whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    rig.prepare(tmp_path / "run")
    killed = run(rig, tmp_path / "run", "--set", "inference.model=none", at="store written, not acknowledged:2")
    assert killed.returncode == -signal.SIGKILL
    again = run(rig, tmp_path / "run", "--set", "inference.model=none")  # rows, and no checkpoint but that of the start
    folder, totals = whole
    assert verifier.faults(rig, tmp_path / "run", json.loads(again.stdout), folder, totals) == NOTHING
    with pytest.raises(ValueError, match="expected one of rows appended"):
        Plan.parse("nowhere:1")
