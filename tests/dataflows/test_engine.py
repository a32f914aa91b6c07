"""The flow under Bytewax: what would break it is refused, and SIGTERM ends it in good order."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.runs import environment

SETTINGS = """
[source]
url = "synthetic:"
symbols = 4
[bars]
timeframes = ["1s"]
[inference]
model = "none"
[checkpoint]
every_s = 0.2
[log]
json = true
"""


def bytewax(folder: Path, *flags: str) -> subprocess.Popen[str]:
    """Start `python -m bytewax.run dataflows.live:flow` in a folder with settings."""
    (folder / "undertone.toml").write_text(SETTINGS)
    (folder / "var").mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "bytewax.run", "dataflows.live:flow", *flags], cwd=folder, env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "said"),
    [(("-w", "2"), "started with 2 workers, expected 1"), (("-r", "recovery", "-s", "1", "-b", "0"), "with -r")],
)
def test_what_would_break_it_is_refused(tmp_path: Path, flags: tuple[str, ...], said: str) -> None:
    if "-r" in flags:
        (tmp_path / "recovery").mkdir()
        subprocess.run([sys.executable, "-m", "bytewax.recovery", "recovery", "1"], cwd=tmp_path, check=True)
    process = bytewax(tmp_path, *flags)
    try:
        errors = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode == 1
    assert said in errors


def test_sigterm_drains_and_the_next_start_continues(tmp_path: Path) -> None:
    """Twice: run, SIGTERM behind a checkpoint; each ends with exit code 0 and a newer checkpoint."""
    folder, numbers = tmp_path / "var" / "checkpoints" / "live", [0]
    for _ in range(2):
        process = bytewax(tmp_path)
        until = time.monotonic() + 90
        while newest(folder) <= numbers[-1] and process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        before = newest(folder)
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=60)[1]
        assert process.returncode == 0, errors[-2000:]
        assert before > numbers[-1]
        numbers.append(newest(folder))
        assert numbers[-1] >= before
    assert json.loads((folder / "market-opened").read_text()) > 0


def newest(folder: Path) -> int:
    return max((int(path.stem) for path in folder.glob("*.checkpoint")), default=0)
