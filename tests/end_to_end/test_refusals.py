"""What must not go on is refused with one line that says what to do, and the right exit code."""

from __future__ import annotations

import subprocess
from pathlib import Path

from dataflows.sinks.stores import open_store
from tests.end_to_end.runs import command, environment, undertone


def refused(folder: Path, *arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        command("replay", *arguments, "--model", "none", "--timeframe", "1s"), cwd=folder, env=environment(),
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.strip()


def test_a_second_dataflow_on_the_same_store(ticks: Path, tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'shared.db'}", "replay")
    code, message = refused(tmp_path, ticks, "--store", f"sqlite:///{tmp_path / 'shared.db'}")
    store.close()
    assert code == 75
    assert "process" in message


def test_rows_of_another_run_in_the_namespace(ticks: Path, tmp_path: Path) -> None:
    place = ("--store", f"sqlite:///{tmp_path / 'rows.db'}")
    undertone("replay", ticks, "--model", "none", "--timeframe", "1m", *place, folder=tmp_path)
    code, message = refused(tmp_path, ticks, *place)
    assert code == 78
    assert "--resume" in message
    assert "--namespace" in message


def test_a_resume_with_other_timeframes(ticks: Path, tmp_path: Path) -> None:
    place = ("--store", f"sqlite:///{tmp_path / 'rows.db'}", "--checkpoint-dir", tmp_path / "checkpoints")
    undertone("replay", ticks, "--model", "none", "--timeframe", "1s,1m", *place, folder=tmp_path)
    code, message = refused(tmp_path, ticks, *place, "--resume")
    assert code == 78
    assert "timeframes" in message


def test_a_resume_of_other_files(ticks: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    other.write_bytes(ticks.read_bytes())
    place = ("--store", f"sqlite:///{tmp_path / 'rows.db'}", "--checkpoint-dir", tmp_path / "checkpoints")
    undertone("replay", ticks, "--model", "none", "--timeframe", "1s", *place, folder=tmp_path)
    code, message = refused(tmp_path, other, *place, "--resume")
    assert code == 78
    assert "other.parquet" in message


def test_nothing_to_resume(ticks: Path, tmp_path: Path) -> None:
    code, message = refused(tmp_path, ticks, "--store", f"sqlite:///{tmp_path / 'new.db'}", "--resume")
    assert code == 78
    assert "no checkpoint" in message


def test_a_truncated_file(ticks: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(ticks.read_bytes()[:-500])
    code, message = refused(tmp_path, torn)
    assert code == 1
    assert "torn.parquet" in message
