"""Online equals offline: the feature rows of a run are those of a replay over the ticks it stored, cell by cell."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.runs import command, undertone
from tests.ops.commands import clean_environment as environment

DAY = "us-equities-2013-10-08.parquet"
SLICE = ("--from", "2013-10-08T13:25:00Z", "--to", "2013-10-08T13:40:00Z")  # the open at 13:30
FAMILIES = "technical,microstructure,statistical,regime,calendar,cross_asset,spectral,sentiment"
SETTINGS = ("--set", "bars.timeframes=1s,10s,1m", "--set", f"features.families={FAMILIES}",
            "--set", "store.features_from_s=10")  # fmt: skip


@pytest.fixture(scope="module")
def stored(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quarter of an hour of a real day, with the rows of 10 s and 1 m bars and every tick stored."""
    folder = tmp_path_factory.mktemp("stored")
    undertone(
        "replay", data_folder / DAY, *SLICE, *SETTINGS, "--set", "store.ticks=true", "--model", "none",
        "--store", "sqlite:///rows.db", folder=folder,
    )  # fmt: skip
    return folder


def test_a_real_day_online_is_the_same_offline(stored: Path) -> None:
    found = undertone("features", "diff", "sqlite:///rows.db#replay", *SETTINGS, folder=stored)
    assert found["equal"]
    assert found["rows"] > 300
    assert found["cells"] > 300 * 500
    assert found["columns"] == {}


def test_a_changed_cell_and_a_lost_row_are_found(stored: Path, tmp_path: Path) -> None:
    broken = tmp_path / "rows.db"
    with sqlite3.connect(stored / "rows.db") as source, sqlite3.connect(broken) as target:
        source.backup(target)
        target.execute(
            "UPDATE replay__features SET sma_ratio_5 = sma_ratio_5 * (1 + 1e-15) WHERE rowid = 200 AND sma_ratio_5 <> 0"
        )
        target.execute("DELETE FROM replay__features WHERE rowid = 250")
    done = subprocess.run(
        command("features", "diff", f"sqlite:///{broken.name}#replay", *SETTINGS), cwd=tmp_path, env=environment(),
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "1 of" in done.stdout
    assert "sma_ratio_5" in done.stdout
    assert "1 only replayed" in done.stdout
