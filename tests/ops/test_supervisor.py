"""Supervised lives: started again with back-off, never where it would not help, and drained with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ops.drain import Drain
from ops.supervisor import Policy, Supervisor
from tests.end_to_end.runs import LIVE_SETTINGS, command, environment

QUICK = Policy(0.02, 0.1, 3, 60.0)


def supervised(folder: Path, lives: str, policy: Policy = QUICK, drain: Drain | None = None) -> tuple[int, list[int]]:
    """Run lives that end as the list says, in order (a negative number is a signal); the code, and what was lived."""
    script = (
        "import os, sys, pathlib; k = int(sys.argv[1]); lives = [int(x) for x in sys.argv[2].split(',')]; "
        "open('lived.txt', 'a').write(f'{k}\\n'); code = lives[min(k, len(lives) - 1)]; "
        "os.kill(os.getpid(), -code) if code < 0 else sys.exit(code)"
    )
    os.chdir(folder)
    supervisor = Supervisor(lambda restarts: [sys.executable, "-c", script, str(restarts), lives], policy)
    code = supervisor.run(drain or Drain())
    return code, [int(line) for line in (folder / "lived.txt").read_text().split()]


@pytest.fixture(autouse=True)
def back_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_crash_and_a_kill_are_lived_down(tmp_path: Path) -> None:
    assert supervised(tmp_path, "1,-9,0") == (0, [0, 1, 2])


@pytest.mark.parametrize("code", [2, 78])
def test_what_would_not_help_is_not_tried(tmp_path: Path, code: int) -> None:
    assert supervised(tmp_path, f"{code},0") == (code, [0])


def test_it_gives_up_at_too_many_failures_with_the_last_code(tmp_path: Path) -> None:
    assert supervised(tmp_path, "1,1,-9,0") == (137, [0, 1, 2])


def test_a_dependency_that_is_away_is_waited_for(tmp_path: Path) -> None:
    assert supervised(tmp_path, "75,75,75,75,75,0") == (0, [0, 1, 2, 3, 4, 5])


def test_the_waits_double_up_to_the_longest(tmp_path: Path) -> None:
    began = time.monotonic()
    supervised(tmp_path, "75,75,75,75,0", Policy(0.1, 0.4, 3, 60.0))
    assert time.monotonic() - began > 0.1 + 0.2 + 0.4 + 0.4


def test_a_drain_while_it_waits_starts_nothing_more(tmp_path: Path) -> None:
    drain = Drain()

    def asks_after_the_first() -> None:
        while not (tmp_path / "lived.txt").exists():
            time.sleep(0.01)
        time.sleep(0.3)
        drain.asked = True

    threading.Thread(target=asks_after_the_first, daemon=True).start()
    assert supervised(tmp_path, "75,0", Policy(30.0, 30.0, 3, 60.0), drain) == (0, [0])


SETTINGS = LIVE_SETTINGS + "[supervise]\nback_off_s = 0.1\n"


def newest(folder: Path) -> int:
    return max((int(path.stem) for path in (folder / "var/checkpoints/live").glob("*.checkpoint")), default=0)


def test_a_killed_run_is_started_again_and_sigterm_drains_it(tmp_path: Path) -> None:
    (tmp_path / "undertone.toml").write_text(SETTINGS)
    (tmp_path / "var").mkdir()
    process = subprocess.Popen(
        command("run", "--supervise", "--set", "log.json=true"), cwd=tmp_path, env=environment(),
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        _wait_beyond(tmp_path, 0)
        os.kill(int((tmp_path / "var/checkpoints/live/lock").read_text()), signal.SIGKILL)
        _wait_beyond(tmp_path, newest(tmp_path) + 3)
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert '"code": -9' in errors
    assert '"restarts": 1' in errors
    assert "resumed" in errors


def _wait_beyond(folder: Path, batch: int) -> None:
    until = time.monotonic() + 100
    while newest(folder) <= batch:
        assert time.monotonic() < until
        time.sleep(0.05)
