"""`undertone recovery`, and starts with damaged, foreign and missing checkpoints: exit codes and ways out."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from dataflows.checkpoints import file as checkpoint_file
from dataflows.sources.recording import write_parquet
from dataflows.sources.synthetic import SyntheticMarket
from ops.cli import main
from tests.end_to_end.runs import LIVE_SETTINGS, command, environment


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "undertone.toml").write_text(LIVE_SETTINGS)
    (tmp_path / "var").mkdir()
    return tmp_path


class Call:
    """`undertone` in this process, which saves its start; its logs are on stderr as a user sees them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def __call__(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([*arguments, "--json"])
        said = self.capsys.readouterr()
        code = left.value.code
        assert isinstance(code, int)
        return code, json.loads(said.out) if said.out else {}, said.err

    def run(self, *more: str, namespace: str = "live") -> tuple[dict[str, Any], str]:
        """Run until three new checkpoints count, then drain by SIGTERM; the totals and the log."""
        before = newest(self.folder, namespace)

        def drain() -> None:
            until = time.monotonic() + 90
            while time.monotonic() < until:
                time.sleep(0.02)
                if sum(int(path.stem) > before for path in checkpoints(self.folder, namespace)) >= 3:
                    os.kill(os.getpid(), signal.SIGTERM)
                    return

        threading.Thread(target=drain, daemon=True).start()
        code, totals, errors = self("run", *more, "--set", f"store.namespace={namespace}")
        assert code == 0, errors
        return totals, errors


@pytest.fixture
def undertone(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name not in environment()]:
        monkeypatch.delenv(name)
    return Call(folder, capsys)


def newest(folder: Path, namespace: str) -> int:
    return max((int(path.stem) for path in checkpoints(folder, namespace)), default=-1)


def checkpoints(folder: Path, namespace: str = "live") -> list[Path]:
    return sorted((folder / "var" / "checkpoints" / namespace).glob("*.checkpoint"))


@pytest.fixture
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command("run"), cwd=folder, env=environment(), stderr=subprocess.DEVNULL, text=True)
    until = time.monotonic() + 90
    while not checkpoints(folder) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.05)
    yield process
    process.kill()
    process.wait()


def test_a_second_instance_is_refused_and_a_killed_one_frees_the_folder(
    folder: Path, undertone: Call, running: subprocess.Popen[str]
) -> None:
    code, _, errors = undertone("run", "--for", "1s", "--set", "store.url=null:")
    assert (code, str(running.pid) in errors) == (75, True)
    assert undertone("recovery", "inspect")[1]["running"] == running.pid
    assert undertone("recovery", "reset", "--yes")[0] == 75
    before = (folder / "var" / "checkpoints" / "live" / "market-opened").read_text()
    running.kill()
    running.wait()
    assert undertone("recovery", "inspect")[1]["running"] is None
    undertone.run()
    assert (folder / "var" / "checkpoints" / "live" / "market-opened").read_text() == before


def test_inspect_tells_the_checkpoints_from_the_store(folder: Path, undertone: Call) -> None:
    undertone.run()
    code, found, _ = undertone("recovery", "inspect")
    newest = found["checkpoints"][0]
    assert (code, newest["damage"], newest["misfit"], newest["beyond_store"]) == (0, None, None, False)
    assert found["next_start"] == newest["file"] == checkpoints(folder)[-1].name
    assert found["store"]["batch"] >= newest["batch"] > 0
    assert newest["position"]["row"] >= 0
    assert 0 < newest["watermark_lag_seconds"] < 30
    assert 0 <= newest["age_seconds"] < 60
    assert newest["bytes"] == checkpoints(folder)[-1].stat().st_size
    misfit = undertone("recovery", "inspect", "--set", "features.families=technical")[1]["checkpoints"][0]
    assert "fingerprint" in misfit["misfit"]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "deleted"])
def test_an_older_checkpoint_is_taken_and_said(folder: Path, undertone: Call, damage: str) -> None:
    totals = undertone.run()[0]
    *_, older, newest = checkpoints(folder)
    if damage == "deleted":
        newest.unlink()
    else:
        raw = bytearray(newest.read_bytes())
        raw[len(raw) // 2] ^= 0xFF
        newest.write_bytes(raw[: len(raw) // 3] if damage == "truncated" else raw)
    again, errors = undertone.run()
    assert f"batch={int(older.stem)}" in errors
    assert (newest.name in errors) == (damage != "deleted")
    assert again["ticks_read"] > totals["ticks_read"]


def test_a_start_that_cannot_go_on_says_the_way_out_and_the_way_out_works(folder: Path, undertone: Call) -> None:
    undertone.run()
    code, _, errors = undertone("run", "--for", "1s", "--set", "features.families=technical")
    assert code == 78
    assert "undertone recovery reset" in errors
    for path in checkpoints(folder):
        path.write_bytes(b"junk")
    for damage in ("damaged", "gone"):
        code, _, errors = undertone("run", "--for", "1s")
        assert code == 78, damage
        assert "undertone recovery reset" in errors
        for path in checkpoints(folder):
            path.unlink()
    assert undertone("recovery", "reset")[0] == 2  # no terminal to ask
    code, moved, _ = undertone("recovery", "reset", "--yes")
    assert code == 0
    undertone.run("--set", "features.families=technical")
    old = undertone("recovery", "inspect", "--namespace", moved["rows"])[1]
    assert old["store"]["batch"] > 0


def test_reset_moves_everything_aside(folder: Path, undertone: Call) -> None:
    undertone.run()
    kept = {path.name: path.read_bytes() for path in checkpoints(folder)}
    moved = undertone("recovery", "reset", "--yes")[1]
    assert {path.name: path.read_bytes() for path in (folder / moved["checkpoints"]).glob("*.checkpoint")} == kept
    assert checkpoints(folder) == []
    assert undertone.run()[0]["ticks_read"] > 0


def test_a_fork_goes_on_beside_the_original(folder: Path, undertone: Call) -> None:
    totals = undertone.run()[0]
    code, copied, _ = undertone("recovery", "fork", "what_if")
    assert code == 0
    assert copied["batch"] == int(checkpoints(folder)[-1].stem)
    assert undertone.run(namespace="what_if")[0]["ticks_read"] > totals["ticks_read"]
    assert undertone.run()[0]["ticks_read"] > totals["ticks_read"]
    assert undertone("recovery", "fork", "what_if")[0] == 2
    assert undertone("recovery", "fork", "another", "--batch", "1")[0] == 78


@pytest.mark.parametrize("engine", ["bytewax", "in-process"])
def test_a_store_that_goes_away_is_exit_code_75(folder: Path, engine: str) -> None:
    write_parquet(SyntheticMarket(4, seed=2, duration_s=120), folder / "ticks.parquet")
    arguments = ("replay", "ticks.parquet", "--store", "sqlite:///var/rows.db", "--engine", engine)
    process = subprocess.Popen(
        command(*arguments, "--pace", "5x"), cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 90
    while not checkpoints(folder, "replay") and time.monotonic() < until:
        time.sleep(0.05)
    (folder / "var" / "rows.db").unlink()
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 75
    assert "Traceback" not in errors
    assert "panicked" not in errors
    assert "was removed or replaced" in errors


def test_sigterm_drains_with_exit_code_0(running: subprocess.Popen[str]) -> None:
    os.kill(running.pid, signal.SIGTERM)
    assert running.wait(60) == 0


def test_a_full_disk_under_the_checkpoints_is_exit_code_75(
    undertone: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write fails half way; nothing half written stays, and the next start goes on."""
    whole = checkpoint_file._write_parts

    def full(file: BinaryIO, header: bytes, body: Sequence[memoryview]) -> None:
        file.write(header)
        file.flush()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    undertone.run()
    monkeypatch.setattr(checkpoint_file, "_write_parts", full)
    code, _, errors = undertone("run")
    assert code == 75
    assert "No space left" in errors
    assert not [path for path in checkpoints(folder)[0].parent.iterdir() if path.suffix in (".part", ".pending")]
    monkeypatch.setattr(checkpoint_file, "_write_parts", whole)
    undertone.run()
